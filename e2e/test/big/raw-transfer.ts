import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { BigFile } from '@cairn/testing';
import { element, writeDataSet } from '@cairn/testing';
import type { Archive } from '../harness/archive.ts';
import { PDU, associateRequest, commandSet, messagePdus, pdu, readCommand, storeCommand } from '../harness/raw-dimse.ts';

/** What came back of a transfer. */
export interface Transferred {
  sizeBytes: number;
  sha256: string;
}

const STUDY_ROOT_GET = '1.2.840.10008.5.1.4.1.2.2.3';
const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
const PDV_BYTES = 64 * 1024;
const BOUNDARY = 'big-boundary';

/** POSTs a file by STOW-RS as a stream; gives the status. */
export async function stowStream(archive: Archive, file: BigFile): Promise<number> {
  const post = request(`${archive.webUrl}/studies`, {
    method: 'POST',
    headers: { 'Content-Type': `multipart/related; type="application/dicom"; boundary=${BOUNDARY}`, Accept: 'application/dicom+json' },
  });
  const answered = once(post, 'response') as Promise<[IncomingMessage]>;
  await write(post, Buffer.from(`--${BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n`));
  for await (const chunk of file.stream()) await write(post, Buffer.from(chunk));
  post.end(`\r\n--${BOUNDARY}--\r\n`);
  const [response] = await answered;
  response.resume();
  return response.statusCode!;
}

/** Sends a file by C-STORE as a stream; gives the status. */
export async function storeStream(archive: Archive, file: BigFile): Promise<number> {
  const socket = open(archive, [[file.sopClassUid, file.transferSyntaxUid]]);
  const pdus = readPdus(socket);
  await expectAccepted(pdus);
  await write(socket, messagePdus(1, 'command', storeCommand(file.sopClassUid, file.sopInstanceUid)));
  for await (const piece of pieces(dataSetOf(file), 16_000)) await write(socket, piece);
  const { value } = await pdus.next();
  socket.destroy();
  return readCommand(value!.body).get(0x0900)!.readUInt16LE();
}

/** Fetches an instance by C-GET; digests the data set as it comes and keeps nothing. */
export async function getStream(archive: Archive, file: BigFile): Promise<Transferred> {
  const socket = open(
    archive,
    [
      [STUDY_ROOT_GET, EXPLICIT_LITTLE_ENDIAN],
      [file.sopClassUid, file.transferSyntaxUid],
    ],
    file.sopClassUid,
  );
  const pdus = readPdus(socket);
  await expectAccepted(pdus);
  await write(socket, messagePdus(1, 'command', getCommand()));
  await write(socket, messagePdus(1, 'dataSet', identifier(file)));
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const { body } of pdus) {
    for (const { control, bytes } of presentationDataValues(body)) {
      if ((control & 1) === 0) {
        hash.update(bytes);
        sizeBytes += bytes.length;
        if ((control & 2) !== 0) await write(socket, messagePdus(3, 'command', storeResponse(file)));
      } else if (isFinalGetResponse(bytes)) {
        socket.destroy();
        return { sizeBytes, sha256: hash.digest('hex') };
      }
    }
  }
  throw new Error('The association ended before the last C-GET response.');
}

/** Fetches an instance by WADO-RS as stored; digests its data set. */
export async function wadoStream(archive: Archive, file: BigFile): Promise<Transferred> {
  const path = `/studies/${file.studyInstanceUid}/series/${file.seriesInstanceUid}/instances/${file.sopInstanceUid}`;
  const ask = request(`${archive.webUrl}${path}`, { headers: { Accept: 'application/dicom; transfer-syntax=*' } }).end();
  const [response] = (await once(ask, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`WADO-RS: ${response.statusCode}`);
  return digestDataSet(response as AsyncIterable<Buffer>);
}

/** Size and digest of the data set of a Part 10 file whose first chunk holds the length of its meta information. */
export async function digestDataSet(source: AsyncIterable<Buffer>): Promise<Transferred> {
  const hash = createHash('sha256');
  let offset: number | undefined;
  let at = 0;
  for await (const chunk of source) {
    offset ??= 144 + chunk.readUInt32LE(140);
    hash.update(chunk.subarray(Math.max(0, offset - at)));
    at += chunk.length;
  }
  return { sizeBytes: at - offset!, sha256: hash.digest('hex') };
}

async function* dataSetOf(file: BigFile): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const chunk of file.stream()) {
    if (at + chunk.length > file.dataSetOffset) yield chunk.subarray(Math.max(0, file.dataSetOffset - at));
    at += chunk.length;
  }
}

/** P-DATA-TF PDUs of one data set; the last one is known only when the source has ended. */
async function* pieces(source: AsyncIterable<Buffer>, size: number): AsyncGenerator<Buffer> {
  let held: Buffer | undefined;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += size) {
      if (held) yield dataPdu(held, false);
      held = Buffer.from(chunk.subarray(at, at + size));
    }
  }
  yield dataPdu(held ?? Buffer.alloc(0), true);
}

function dataPdu(bytes: Buffer, last: boolean): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt32BE(bytes.length + 2, 0);
  head[4] = 1;
  head[5] = last ? 2 : 0;
  return pdu(PDU.data, Buffer.concat([head, bytes]));
}

function open(archive: Archive, contexts: readonly (readonly [string, string])[], providerOf?: string): Socket {
  const socket = connect({ port: archive.dicomPort, host: '127.0.0.1', noDelay: true });
  socket.write(associateRequest({ calledAe: archive.aeTitle, contexts, maximumLength: PDV_BYTES, ...(providerOf ? { providerOf } : {}) }));
  return socket;
}

async function* readPdus(socket: Socket): AsyncGenerator<{ type: number; body: Buffer }> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    while (held.length >= 6 && held.length >= 6 + held.readUInt32BE(2)) {
      const end = 6 + held.readUInt32BE(2);
      yield { type: held[0]!, body: held.subarray(6, end) };
      held = held.subarray(end);
    }
  }
}

async function expectAccepted(pdus: AsyncGenerator<{ type: number; body: Buffer }>): Promise<void> {
  const { value } = await pdus.next();
  if (value?.type !== PDU.associateAc) throw new Error(`Not accepted: PDU type ${value?.type}`);
}

function presentationDataValues(body: Buffer): { control: number; bytes: Buffer }[] {
  const values: { control: number; bytes: Buffer }[] = [];
  for (let at = 0; at < body.length; at += 4 + body.readUInt32BE(at)) {
    values.push({ control: body[at + 5]!, bytes: body.subarray(at + 6, at + 4 + body.readUInt32BE(at)) });
  }
  return values;
}

function isFinalGetResponse(command: Buffer): boolean {
  const elements = readCommand(Buffer.concat([Buffer.alloc(6), command]));
  return elements.get(0x0100)?.readUInt16LE() === 0x8010 && (elements.get(0x0900)!.readUInt16LE() & 0xff00) !== 0xff00;
}

function getCommand(): Buffer {
  return commandSet([
    element('00000002', 'UI', STUDY_ROOT_GET),
    element('00000100', 'US', 0x0010),
    element('00000110', 'US', 1),
    element('00000700', 'US', 0),
    element('00000800', 'US', 0),
  ]);
}

function storeResponse(file: BigFile): Buffer {
  return commandSet([
    element('00000002', 'UI', file.sopClassUid),
    element('00000100', 'US', 0x8001),
    element('00000120', 'US', 1),
    element('00000800', 'US', 0x0101),
    element('00000900', 'US', 0),
    element('00001000', 'UI', file.sopInstanceUid),
  ]);
}

function identifier(file: BigFile): Buffer {
  return writeDataSet({ elements: [element('00080052', 'CS', 'STUDY'), element('0020000D', 'UI', file.studyInstanceUid)] });
}

/** Writes with back-pressure; fails when the other side has gone. */
async function write(stream: NodeJS.WritableStream, bytes: Buffer): Promise<void> {
  if (stream.write(bytes)) return;
  await once(stream, 'drain');
}
