import { createServer as createPlainServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { CairnError, silentLogger } from '@cairn/core';
import type { Logger } from '@cairn/core';
import { Acceptor } from './acceptor.ts';
import type { AcceptorSettings, AssociationSummary } from './acceptor.ts';
import type { Association } from './message/association.ts';
import type { RequestHandlers } from './message/operation.ts';
import type { AssociationDecision } from './negotiation.ts';
import { serverTlsOptions } from './tls.ts';
import type { ServerTls } from './tls.ts';
import { DEFAULT_MAX_PDU_LENGTH, REJECTION } from './upper-layer/pdu.ts';
import type { AssociateRequest } from './upper-layer/associate.ts';

/** One port to listen on. */
export interface Listener {
  host: string;
  /** 0 lets the system choose. */
  port: number;
  tls?: ServerTls;
}

/** Bounds of a server; times in milliseconds. */
export interface ServerOptions {
  listeners: readonly Listener[];
  /** Associations of all listeners at once; one more is rejected 2/3/2. Default 200. */
  maxAssociations?: number;
  /** Largest P-DATA-TF taken, default 262,144. */
  maxPduLength?: number;
  /** Operations of one association that run at once where the peer negotiates a window. Default 8. */
  maxOperations?: number;
  /** Default 30 s. */
  artimMs?: number;
  /** Default 60 s. */
  idleMs?: number;
  /** Default 60 s. */
  sendTimeoutMs?: number;
  /** For requests that we send (sub-operations of C-GET). Default 60 s. */
  responseTimeoutMs?: number;
  logger?: Logger;
}

/** The application above the server. */
export interface ServerHandlers extends RequestHandlers {
  /** Accepts or rejects an association; what it throws rejects without reason. */
  onAssociate(request: AssociateRequest, peer: AssociationSummary): AssociationDecision | Promise<AssociationDecision>;
  onAssociated?(association: Association): void;
  onAssociationClosed?(association: Association, error?: CairnError): void;
}

/** While draining, an association without work for so long is aborted. */
const DRAIN_IDLE_MS = 1000;
const DRAIN_POLL_MS = 100;

/** Connections beside the associations: those that have requested nothing yet, or wait for the peer's close. */
const SPARE_CONNECTIONS = 64;

/**
 * The acceptor's side: listens, negotiates, serves.
 *
 * @example
 * const server = new DimseServer({ listeners: [{ host: '127.0.0.1', port: 0 }] }, {
 *   onAssociate: () => ({ decideContext: ({ transferSyntaxUids }) => ({ result: 0, transferSyntaxUid: transferSyntaxUids[0]! }) }),
 *   onStore: async (operation, dataSet) => { for await (const chunk of dataSet) consume(chunk); return { status: STATUS.success }; },
 * });
 * const [address] = await server.listen();
 */
export class DimseServer {
  readonly #options: ServerOptions;
  readonly #handlers: ServerHandlers;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #associations = new Set<Association>();
  /** Associations and requests being decided. */
  #places = 0;
  #draining = false;

  constructor(options: ServerOptions, handlers: ServerHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  /** Established associations. */
  get associations(): number {
    return this.#associations.size;
  }

  /** Connections, those without association included. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Requests being served. */
  get working(): number {
    let operations = 0;
    for (const association of this.#associations) operations += association.operations;
    return operations;
  }

  /** Opens all listeners and gives their addresses in order; rejects with `runtime.start-failed` when one cannot be opened. */
  async listen(): Promise<{ host: string; port: number; tls: boolean }[]> {
    const addresses = [];
    for (const listener of this.#options.listeners) {
      const server = this.#createServer(listener);
      this.#servers.push(server);
      const { address, port } = await opened(server, listener).catch(async (error: unknown) => {
        await this.close(0);
        throw error;
      });
      addresses.push({ host: address, port, tls: listener.tls !== undefined });
    }
    return addresses;
  }

  /** Rejects new associations (2/3/1), lets running operations end until the deadline, then aborts what is left and closes. */
  async close(deadlineMs: number): Promise<void> {
    this.#draining = true;
    await this.#drain(deadlineMs);
    for (const association of this.#associations) association.abort();
    const closed = this.#servers.map(async (server) => await closedServer(server));
    for (const socket of this.#sockets) socket.destroySoon();
    await Promise.all(closed);
  }

  async #drain(deadlineMs: number): Promise<void> {
    const idleSince = new Map<Association, number>();
    const end = Date.now() + deadlineMs;
    while (this.#associations.size > 0 && Date.now() < end) {
      for (const association of this.#associations) {
        if (association.operations > 0) idleSince.delete(association);
        else if (!idleSince.has(association)) idleSince.set(association, Date.now());
        else if (Date.now() - idleSince.get(association)! >= DRAIN_IDLE_MS) association.abort();
      }
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    }
  }

  #createServer(listener: Listener): Server {
    const { tls } = listener;
    const settings = this.#settings();
    const onSocket = (socket: Socket): void => this.#onSocket(socket, settings);
    // Reads come in chunks of 64 KiB whatever this is; it lets two full P-DATA-TFs be written before a drain is awaited.
    const highWaterMark = DEFAULT_MAX_PDU_LENGTH;
    const server = tls
      ? createTlsServer({ ...serverTlsOptions(tls, settings.artimMs), highWaterMark }, onSocket)
      : createPlainServer({ highWaterMark }, onSocket);
    server.on('tlsClientError', (error) => settings.logger.warn({ reason: error.message }, 'dimse.tls-handshake-failed'));
    server.maxConnections = (this.#options.maxAssociations ?? 200) + SPARE_CONNECTIONS;
    return server;
  }

  #settings(): AcceptorSettings {
    const { maxPduLength, maxOperations, artimMs, idleMs, sendTimeoutMs, responseTimeoutMs, logger } = this.#options;
    return {
      maxPduLength: maxPduLength ?? DEFAULT_MAX_PDU_LENGTH,
      maxOperations: maxOperations ?? 8,
      artimMs: artimMs ?? 30_000,
      idleMs: idleMs ?? 60_000,
      sendTimeoutMs: sendTimeoutMs ?? 60_000,
      responseTimeoutMs: responseTimeoutMs ?? 60_000,
      logger: logger ?? silentLogger,
    };
  }

  #onSocket(socket: Socket, settings: AcceptorSettings): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    new Acceptor(socket, settings, {
      handlers: this.#handlers,
      decide: async (request, peer) => await this.#decide(request, peer),
      opened: (association) => {
        this.#associations.add(association);
        this.#handlers.onAssociated?.(association);
      },
      closed: (association, error) => {
        this.#associations.delete(association);
        this.#handlers.onAssociationClosed?.(association, error);
      },
      leave: () => (this.#places -= 1),
    });
  }

  /** Takes a place for the association; the acceptor's `leave` gives it back, whatever becomes of it. */
  async #decide(request: AssociateRequest, peer: AssociationSummary): Promise<AssociationDecision> {
    this.#places += 1;
    if (this.#draining) return { rejection: REJECTION.temporaryCongestion };
    if (this.#places > (this.#options.maxAssociations ?? 200)) return { rejection: REJECTION.localLimitExceeded };
    return await this.#handlers.onAssociate(request, peer);
  }
}

function opened(server: Server, listener: Listener): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const details = { host: listener.host, port: listener.port };
      reject(new CairnError('runtime.start-failed', `The DICOM port ${listener.port} cannot be opened.`, { cause: error, details }));
    });
    server.listen(listener.port, listener.host, () => resolve(server.address() as AddressInfo));
  });
}

function closedServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
