import { connectScripted } from '@cairn/testing';
import type { ScriptedConnection } from '@cairn/testing';
import { DimseServer, VERIFICATION_SOP_CLASS } from '../src/index.ts';
import type { ConnectOptions, ContextDecision, ProposedContext, ServerHandlers, ServerOptions } from '../src/index.ts';
import { ECHOSCU_ASSOCIATE_RQ } from './golden-bytes.ts';

export const CT = '1.2.840.10008.5.1.4.1.1.2';
export const STUDY_FIND = '1.2.840.10008.5.1.4.1.2.2.1';
export const STUDY_MOVE = '1.2.840.10008.5.1.4.1.2.2.2';
export const STUDY_GET = '1.2.840.10008.5.1.4.1.2.2.3';
export const IMPLICIT = '1.2.840.10008.1.2';
export const EXPLICIT = '1.2.840.10008.1.2.1';

/** Accepts everything in the first syntax offered. */
export function acceptFirst({ transferSyntaxUids }: ProposedContext): ContextDecision {
  return { result: 0, transferSyntaxUid: transferSyntaxUids[0]!, requestorMayBeScp: true };
}

/** Servers of one test file; `close` in `afterEach`. */
export class Harness {
  readonly #servers: DimseServer[] = [];

  /** Listens on a free port with handlers over a default that accepts everything; gives server and port. */
  async serve(
    handlers: Partial<ServerHandlers> = {},
    options: Partial<ServerOptions> = {},
  ): Promise<{ server: DimseServer; port: number }> {
    const server = new DimseServer(
      { listeners: [{ host: '127.0.0.1', port: 0 }], ...options },
      { onAssociate: () => ({ decideContext: acceptFirst }), ...handlers },
    );
    this.#servers.push(server);
    const [address] = await server.listen();
    return { server, port: address!.port };
  }

  async close(): Promise<void> {
    for (const server of this.#servers.splice(0)) await server.close(0);
  }
}

/** Options of a client with the usual contexts. */
export function to(port: number, more: Partial<ConnectOptions> = {}): ConnectOptions {
  const contexts = [VERIFICATION_SOP_CLASS, CT, STUDY_FIND, STUDY_GET, STUDY_MOVE].map((abstractSyntaxUid) => ({
    abstractSyntaxUid,
    transferSyntaxUids: [EXPLICIT, IMPLICIT],
  }));
  return { host: '127.0.0.1', port, callingAet: 'TEST', calledAet: 'CAIRN', contexts, ...more };
}

export async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

/** Reads one whole PDU of the peer. */
export async function readPdu(connection: ScriptedConnection): Promise<Buffer> {
  const header = await connection.read(6);
  return Buffer.concat([header, await connection.read(header.readUInt32BE(2))]);
}

/** A raw peer that has an association with one context (1, Verification or the request's own). */
export async function associated(port: number, request: Buffer = ECHOSCU_ASSOCIATE_RQ): Promise<ScriptedConnection> {
  const connection = await connectScripted(port);
  await connection.send(request);
  const answer = await readPdu(connection);
  if (answer[0] !== 2) throw new Error(`Expected A-ASSOCIATE-AC, got PDU type ${answer[0]}.`);
  return connection;
}
