import 'reflect-metadata';
import { silentLogger } from '@cairn/core';
import type { DicomJson } from '@cairn/core';
import { decodeDataSet, encodeDataSet } from '@cairn/dicom';
import { DimseClient, DimseServer, VERIFICATION_SOP_CLASS } from '@cairn/dimse';
import type { Association, ConnectOptions, Response, ServerHandlers } from '@cairn/dimse';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DicomGateway, DicomGatewayModule } from '../src/dicom-gateway.module.ts';
import type { GatewayConfig, GatewayPorts } from '../src/dicom-gateway.module.ts';
import { FakeArchive } from './fake-archive.ts';
import { FakeCommitments } from './fake-commitments.ts';

export const EXPLICIT = '1.2.840.10008.1.2.1';
export const IMPLICIT = '1.2.840.10008.1.2';
export const JPEG = '1.2.840.10008.1.2.4.50';
export const CT = '1.2.840.10008.5.1.4.1.1.2';
export const PATIENT_ROOT = '1.2.840.10008.5.1.4.1.2.1.';
export const STUDY_ROOT = '1.2.840.10008.5.1.4.1.2.2.';
export const [FIND, MOVE, GET] = ['1', '2', '3'] as const;

/** A gateway over a fake archive, with what it needs to be closed after the test. */
export class GatewayHarness {
  readonly archive = new FakeArchive();
  readonly commitments = new FakeCommitments();
  readonly #closing: (() => Promise<unknown>)[] = [];

  async start(
    config: Partial<GatewayConfig> = {},
    ports: Partial<GatewayPorts> = {},
  ): Promise<{ port: number; gateway: DicomGateway; app: INestApplicationContext }> {
    const complete = { host: '127.0.0.1', port: 0, aeTitle: 'CAIRN', peers: new Map(), timeouts: { drainMs: 0 }, ...config };
    const { archive, commitments } = this;
    const all = { receiver: archive, queries: archive, retriever: archive, commitments, logger: silentLogger, ...ports };
    const app = await NestFactory.createApplicationContext(DicomGatewayModule.forRoot(complete, all), { logger: false });
    this.#closing.push(async () => await app.close());
    const gateway = app.get(DicomGateway);
    return { port: gateway.addresses()[0]!.port, gateway, app };
  }

  /** A storage SCP that others send to. */
  async destination(
    onStore: NonNullable<ServerHandlers['onStore']>,
    accepts: (uid: string) => boolean = () => true,
    onAssociate?: ServerHandlers['onAssociate'],
  ): Promise<number> {
    const decideContext: Parameters<typeof firstAccepted>[0] = accepts;
    const server = new DimseServer(
      { listeners: [{ host: '127.0.0.1', port: 0 }] },
      { onAssociate: onAssociate ?? (() => ({ decideContext: firstAccepted(decideContext) })), onStore },
    );
    const [address] = await server.listen();
    this.#closing.push(async () => await server.close(0));
    return address!.port;
  }

  /** Has `server` closed with the rest. */
  closes(server: { close(deadlineMs: number): Promise<void> }): void {
    this.#closing.push(async () => await server.close(0));
  }

  async connect(port: number, more: Partial<ConnectOptions> = {}): Promise<Association> {
    const association = await DimseClient.connect({
      host: '127.0.0.1',
      port,
      callingAet: 'MODALITY',
      calledAet: 'CAIRN',
      contexts: contextsOf(),
      ...more,
    });
    this.#closing.push(async () => await Promise.resolve(association.abort()));
    return association;
  }

  async close(): Promise<void> {
    for (const close of this.#closing.splice(0).reverse()) await close();
  }
}

/** Verification, CT and all query/retrieve classes. */
export function contextsOf(): ConnectOptions['contexts'] {
  const classes = [VERIFICATION_SOP_CLASS, CT, ...[PATIENT_ROOT, STUDY_ROOT].flatMap((root) => [root + FIND, root + MOVE, root + GET])];
  return classes.map((abstractSyntaxUid) => ({ abstractSyntaxUid, transferSyntaxUids: [EXPLICIT] }));
}

export function firstAccepted(
  accepts: (uid: string) => boolean,
): (context: { transferSyntaxUids: readonly string[] }) => { result: 0; transferSyntaxUid: string } | { result: 4 } {
  return ({ transferSyntaxUids }) => {
    const transferSyntaxUid = transferSyntaxUids.find(accepts);
    return transferSyntaxUid === undefined ? { result: 4 } : { result: 0, transferSyntaxUid };
  };
}

/** An identifier from tag → text; `''` for an empty element. */
export function identifier(level: string, keys: Record<string, string>, vrs: Record<string, string> = {}): Buffer {
  const json: DicomJson = { '00080052': { vr: 'CS', Value: [level] } };
  for (const [tag, value] of Object.entries(keys)) {
    const vr = vrs[tag] ?? (['0020000D', '0020000E', '00080018'].includes(tag) ? 'UI' : 'LO');
    json[tag] = value === '' ? { vr } : { vr, Value: value.split('\\') };
  }
  return encodeDataSet(Object.fromEntries(Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1))), EXPLICIT);
}

/** All responses of a request, data sets decoded. */
export async function all(
  responses: AsyncIterable<Response>,
): Promise<{ status: number; command: Response['command']; json?: DicomJson }[]> {
  const seen = [];
  for await (const { status, command, dataSet } of responses) {
    seen.push({ status, command, ...(dataSet ? { json: decodeDataSet(dataSet, EXPLICIT) } : {}) });
  }
  return seen;
}

export async function drain(dataSet: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of dataSet) parts.push(part);
  return Buffer.concat(parts);
}
