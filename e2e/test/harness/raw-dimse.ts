import { connectScripted, element, writeElements } from '@cairn/testing';
import type { ElementSpec, ScriptedConnection } from '@cairn/testing';

/** A PDU as it arrived. */
export interface Pdu {
  type: number;
  body: Buffer;
}

/** PDU types (PS3.8 §9.3). */
export const PDU = { associateRq: 1, associateAc: 2, associateRj: 3, data: 4, releaseRq: 5, releaseRp: 6, abort: 7 } as const;

/** What a raw association proposes. */
export interface RawProposal {
  calledAe?: string;
  callingAe?: string;
  /** Each its own context with the odd ids 1, 3, … */
  contexts?: readonly (readonly [abstractSyntax: string, transferSyntax: string])[];
  /** Largest PDU taken, in bytes. Default 16 KiB. */
  maximumLength?: number;
  /** SOP class that the caller provides itself, for C-GET. */
  providerOf?: string;
}

const IMPLICIT = { explicit: false, bigEndian: false };
const IMPLICIT_UID = '1.2.840.10008.1.2';
const VERIFICATION = '1.2.840.10008.1.1';

/** A PDU with its true length. */
export function pdu(type: number, body: Uint8Array): Buffer {
  const head = Buffer.from([type, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(body.length, 2);
  return Buffer.concat([head, body]);
}

/** An A-ASSOCIATE-RQ (PS3.8 §9.3.2). */
export function associateRequest(proposal: RawProposal = {}): Buffer {
  const contexts = proposal.contexts ?? [[VERIFICATION, IMPLICIT_UID]];
  const fixed = Buffer.concat([
    Buffer.from([0, 1, 0, 0]),
    Buffer.from((proposal.calledAe ?? 'CAIRN').padEnd(16).slice(0, 16), 'latin1'),
    Buffer.from((proposal.callingAe ?? 'RAW').padEnd(16).slice(0, 16), 'latin1'),
    Buffer.alloc(32),
  ]);
  const maximumLength = Buffer.alloc(4);
  maximumLength.writeUInt32BE(proposal.maximumLength ?? 0x4000);
  const user = item(
    0x50,
    Buffer.concat([item(0x51, maximumLength), item(0x52, Buffer.from('1.2.3.4')), roleSelection(proposal.providerOf)]),
  );
  const proposed = contexts.map(([abstractSyntax, transferSyntax], index) =>
    item(
      0x20,
      Buffer.concat([
        Buffer.from([index * 2 + 1, 0, 0, 0]),
        item(0x30, Buffer.from(abstractSyntax)),
        item(0x40, Buffer.from(transferSyntax)),
      ]),
    ),
  );
  return pdu(PDU.associateRq, Buffer.concat([fixed, item(0x10, Buffer.from('1.2.840.10008.3.1.1.1')), ...proposed, user]));
}

/** The next PDU; fails after `timeoutMs` or at the connection's end. */
export async function readPdu(connection: ScriptedConnection, timeoutMs = 10_000): Promise<Pdu> {
  const head = await connection.read(6, timeoutMs);
  return { type: head[0]!, body: await connection.read(head.readUInt32BE(2), timeoutMs) };
}

/** Connects and associates; throws when the archive does not accept. */
export async function associate(port: number, proposal: RawProposal = {}): Promise<ScriptedConnection> {
  const connection = await connectScripted(port);
  await connection.send(associateRequest(proposal));
  const answer = await readPdu(connection);
  if (answer.type !== PDU.associateAc) throw new Error(`Not accepted: PDU type ${answer.type}, ${answer.body.toString('hex')}`);
  return connection;
}

/** A command set (PS3.7 §6.3): implicit little endian, its group length right. */
export function commandSet(elements: readonly ElementSpec[]): Buffer {
  const body = writeElements(elements, IMPLICIT);
  return Buffer.concat([writeElements([element('00000000', 'UL', body.length)], IMPLICIT), body]);
}

/** The command of a C-STORE request. */
export function storeCommand(sopClassUid: string, sopInstanceUid: string | Uint8Array): Buffer {
  return commandSet([
    element('00000002', 'UI', sopClassUid),
    element('00000100', 'US', 0x0001),
    element('00000110', 'US', 1),
    element('00000700', 'US', 0),
    element('00000800', 'US', 0x0000),
    element('00001000', 'UI', sopInstanceUid),
  ]);
}

/** The command of a C-ECHO request. */
export function echoCommand(messageId = 1): Buffer {
  return commandSet([
    element('00000002', 'UI', VERIFICATION),
    element('00000100', 'US', 0x0030),
    element('00000110', 'US', messageId),
    element('00000800', 'US', 0x0101),
  ]);
}

/** P-DATA-TF PDUs of at most 16 KiB that carry a command or a data set. */
export function messagePdus(contextId: number, kind: 'command' | 'dataSet', bytes: Uint8Array): Buffer {
  const size = 16_000;
  const pieces: Buffer[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size);
    const last = at + size >= bytes.length;
    const head = Buffer.alloc(6);
    head.writeUInt32BE(part.length + 2, 0);
    head[4] = contextId;
    head[5] = (kind === 'command' ? 1 : 0) | (last ? 2 : 0);
    pieces.push(pdu(PDU.data, Buffer.concat([head, part])));
  }
  return Buffer.concat(pieces);
}

/** The status (0000,0900) and error comment of the next message's command set; throws when an A-ABORT or another PDU comes. */
async function readStatus(connection: ScriptedConnection, timeoutMs?: number): Promise<{ status: number; comment: string }> {
  const answer = await readPdu(connection, timeoutMs);
  if (answer.type !== PDU.data) throw new Error(`PDU type ${answer.type}: ${answer.body.toString('hex')}`);
  const elements = readCommand(answer.body);
  return { status: elements.get(0x0900)?.readUInt16LE() ?? -1, comment: elements.get(0x0902)?.toString('latin1').trim() ?? '' };
}

/** Sends one instance over an association and gives the answer. */
export async function rawStore(
  connection: ScriptedConnection,
  sopClassUid: string,
  sopInstanceUid: string | Uint8Array,
  dataSet: Uint8Array,
  timeoutMs?: number,
): Promise<{ status: number; comment: string }> {
  await connection.send(messagePdus(1, 'command', storeCommand(sopClassUid, sopInstanceUid)));
  await connection.send(messagePdus(1, 'dataSet', dataSet));
  return readStatus(connection, timeoutMs);
}

/** C-ECHO on a connection of its own: whether the archive serves. */
export async function echoes(port: number): Promise<boolean> {
  const connection = await associate(port);
  try {
    await connection.send(messagePdus(1, 'command', echoCommand()));
    return (await readStatus(connection)).status === 0;
  } finally {
    connection.reset();
  }
}

/** Element number → value, of the command set in the body of a P-DATA-TF PDU. */
export function readCommand(body: Buffer): Map<number, Buffer> {
  const elements = new Map<number, Buffer>();
  const bytes = body.subarray(6);
  for (let at = 0; at + 8 <= bytes.length; at += 8 + bytes.readUInt32LE(at + 4)) {
    elements.set(bytes.readUInt16LE(at + 2), bytes.subarray(at + 8, at + 8 + bytes.readUInt32LE(at + 4)));
  }
  return elements;
}

/** SCP/SCU role selection (PS3.7 §D.3.3.4): both roles. */
function roleSelection(sopClassUid?: string): Buffer {
  if (sopClassUid === undefined) return Buffer.alloc(0);
  return item(0x54, Buffer.concat([Buffer.from([0, sopClassUid.length]), Buffer.from(sopClassUid), Buffer.from([1, 1])]));
}

/** A variable item of A-ASSOCIATE (PS3.8 §9.3.2): type, reserved, 16-bit length. */
function item(type: number, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([type, 0, body.length >> 8, body.length & 0xff]), body]);
}
