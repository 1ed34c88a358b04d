import { connect as connectPlain, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { CairnError, silentLogger } from '@cairn/core';
import type { Logger } from '@cairn/core';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@cairn/dicom';
import { Association } from './message/association.ts';
import type { RequestHandlers } from './message/operation.ts';
import { acceptedContexts, windowOf } from './negotiation.ts';
import { clientTlsOptions } from './tls.ts';
import type { ClientTls } from './tls.ts';
import { DICOM_APPLICATION_CONTEXT } from './upper-layer/associate.ts';
import type { AssociateAccept, AssociateRequest, ProposedContext } from './upper-layer/associate.ts';
import { DEFAULT_MAX_PDU_LENGTH } from './upper-layer/pdu.ts';
import { UpperLayer } from './upper-layer/upper-layer.ts';
import type { UpperLayerUser } from './upper-layer/upper-layer.ts';
import type { AsynchronousOperations, ExtendedNegotiation, UserIdentity } from './upper-layer/user-information.ts';

/** A context to propose; ids are given in order. */
export interface ContextProposal {
  abstractSyntaxUid: string;
  transferSyntaxUids: readonly string[];
  /** Roles that we propose for ourselves; default the SCU's without saying so. */
  roles?: { scu: boolean; scp: boolean };
}

/** An association to open; times in milliseconds. */
export interface ConnectOptions {
  host: string;
  port: number;
  callingAet: string;
  calledAet: string;
  /** At most 128. */
  contexts: readonly ContextProposal[];
  tls?: ClientTls;
  maxPduLength?: number;
  asynchronousOperations?: AsynchronousOperations;
  extendedNegotiations?: readonly ExtendedNegotiation[];
  userIdentity?: UserIdentity;
  /** What serves the peer's own requests (C-STORE of a C-GET, N-EVENT-REPORT). */
  handlers?: RequestHandlers;
  /** From the connection's begin to the peer's answer. Default 30 s. */
  connectTimeoutMs?: number;
  /** Default 60 s. */
  responseTimeoutMs?: number;
  /** Default 60 s. */
  sendTimeoutMs?: number;
  /** Default 10 min. */
  idleMs?: number;
  /** Default 30 s. */
  artimMs?: number;
  logger?: Logger;
  /** Gives up the connecting. */
  signal?: AbortSignal;
}

/** Presentation context ids are odd and one byte: 1, 3, … 255. */
const MAX_CONTEXTS = 128;

/** The requestor's side. */
export class DimseClient {
  /**
   * Opens an association. Rejects with `dimse.association-rejected` (result, source, reason in details), `dimse.aborted`,
   * `dimse.timeout` or `dimse.protocol`.
   *
   * @example
   * const association = await DimseClient.connect({ host, port, callingAet: 'ME', calledAet: 'CAIRN', contexts });
   * await association.echo();
   * await association.release();
   */
  static async connect(options: ConnectOptions): Promise<Association> {
    if (options.contexts.length === 0 || options.contexts.length > MAX_CONTEXTS) {
      throw new CairnError('dimse.no-context', 'An association proposes 1 to 128 presentation contexts.');
    }
    options.signal?.throwIfAborted();
    const socket = openSocket(options);
    return await new Promise<Association>((resolve, reject) => new Requestor(socket, options, resolve, reject).start());
  }
}

/** A connection until its association is made or refused. */
class Requestor implements UpperLayerUser {
  readonly #options: ConnectOptions;
  readonly #socket: Socket;
  readonly #layer: UpperLayer;
  readonly #request: AssociateRequest;
  readonly #resolve: (association: Association) => void;
  readonly #reject: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  readonly #onSignal = (): void => this.#layer.abort(new CairnError('dimse.aborted', 'Connecting was given up.'));

  constructor(socket: Socket, options: ConnectOptions, resolve: (association: Association) => void, reject: (error: unknown) => void) {
    this.#options = options;
    this.#socket = socket;
    this.#request = requestOf(options);
    this.#resolve = resolve;
    this.#reject = reject;
    const { maxPduLength = DEFAULT_MAX_PDU_LENGTH, artimMs = 30_000, idleMs = 600_000, sendTimeoutMs = 60_000 } = options;
    this.#layer = new UpperLayer(socket, 'requestor', { maxPduLength, artimMs, idleMs, sendTimeoutMs }, this);
  }

  start(): void {
    const { connectTimeoutMs = 30_000, tls, signal } = this.#options;
    this.#timer = setTimeout(() => this.#onTimeout(), connectTimeoutMs);
    signal?.addEventListener('abort', this.#onSignal, { once: true });
    this.#layer.associate(this.#request);
    this.#socket.once(tls ? 'secureConnect' : 'connect', () => this.#layer.connected());
  }

  associateRequested(): void {}

  associateAccepted(accept: AssociateAccept): void {
    this.#settle();
    const { handlers = {}, responseTimeoutMs = 60_000, logger = silentLogger } = this.#options;
    const { user } = accept;
    const agreement = {
      callingAet: this.#options.callingAet,
      calledAet: this.#options.calledAet,
      contexts: acceptedContexts(this.#request.contexts, accept.contexts, user.roleSelections),
      peer: user,
      extendedNegotiations: new Map(user.extendedNegotiations.map(({ sopClassUid, information }) => [sopClassUid, information])),
      address: this.#socket.remoteAddress ?? '',
      port: this.#socket.remotePort ?? 0,
      invokedWindow: windowOf(user.asynchronousOperations?.invoked),
      performedWindow: windowOf(user.asynchronousOperations?.performed),
    };
    const association = new Association(this.#layer, agreement, { handlers, responseTimeoutMs, logger });
    this.#layer.handOver(association);
    this.#resolve(association);
  }

  fragment(): void {}
  fragmentEnd(): void {}
  releaseRequested(): void {}

  isBusy(): boolean {
    return true;
  }

  onClosed(error?: CairnError): void {
    this.#settle();
    this.#reject(error ?? new CairnError('dimse.aborted', 'The connection was closed.', { retriable: true }));
  }

  #onTimeout(): void {
    this.#layer.abort(new CairnError('dimse.timeout', 'The peer did not answer the association request in time.', { retriable: true }));
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#onSignal);
  }
}

function openSocket(options: ConnectOptions): Socket {
  const { host, port, tls } = options;
  // Room for two full P-DATA-TFs before a drain is awaited.
  const socketOptions = { host, port, highWaterMark: DEFAULT_MAX_PDU_LENGTH };
  if (!tls) return connectPlain(socketOptions);
  const tlsOptions = { ...socketOptions, ...(isIP(host) ? {} : { servername: host }), ...clientTlsOptions(tls) };
  return connectTls(tlsOptions);
}

function requestOf(options: ConnectOptions): AssociateRequest {
  const { contexts, asynchronousOperations, userIdentity } = options;
  const roleOf = new Map(contexts.flatMap(({ abstractSyntaxUid, roles }) => (roles ? [[abstractSyntaxUid, roles] as const] : [])));
  return {
    protocolVersion: 1,
    calledAet: options.calledAet,
    callingAet: options.callingAet,
    applicationContext: DICOM_APPLICATION_CONTEXT,
    contexts: contexts.map((context, index) => proposal(context, index)),
    user: {
      maxPduLength: options.maxPduLength ?? DEFAULT_MAX_PDU_LENGTH,
      implementationClassUid: IMPLEMENTATION_CLASS_UID,
      implementationVersionName: IMPLEMENTATION_VERSION_NAME,
      roleSelections: [...roleOf].map(([sopClassUid, roles]) => ({ sopClassUid, ...roles })),
      extendedNegotiations: options.extendedNegotiations ?? [],
      commonExtendedNegotiations: [],
      ...(asynchronousOperations ? { asynchronousOperations } : {}),
      ...(userIdentity ? { userIdentity } : {}),
    },
  };
}

function proposal(context: ContextProposal, index: number): ProposedContext {
  return { id: 2 * index + 1, abstractSyntaxUid: context.abstractSyntaxUid, transferSyntaxUids: context.transferSyntaxUids };
}
