import type { Socket } from 'node:net';
import { CairnError } from '@cairn/core';
import { decodeAssociateAccept, decodeAssociateRequest, encodeAssociateAccept, encodeAssociateRequest } from './associate.ts';
import type { AssociateAccept, AssociateRequest } from './associate.ts';
import {
  ABORT_REASON,
  PDU,
  REJECTION,
  decodeAbort,
  decodeReject,
  encodeAbort,
  encodeReject,
  encodeReleaseRp,
  encodeReleaseRq,
} from './pdu.ts';
import type { Rejection } from './pdu.ts';
import { PduReader } from './pdu-reader.ts';
import { STATE_TABLE } from './state-table.ts';
import type { Action, Event, State } from './state-table.ts';

/** Bounds of one connection; times in milliseconds. */
export interface UpperLayerOptions {
  /** Largest P-DATA-TF taken. */
  maxPduLength: number;
  /** Association Request/Reject/Release Timer: until the A-ASSOCIATE-RQ is here, and until the peer closes at the end. */
  artimMs: number;
  /** Silence of both sides after which an association without work is aborted. */
  idleMs: number;
  /** Time in which the peer must take what was written. */
  sendTimeoutMs: number;
}

/** The service user above: gets the indications and confirmations of PS3.8 §7. */
export interface UpperLayerUser {
  associateRequested(request: AssociateRequest): void;
  associateAccepted(accept: AssociateAccept): void;
  fragment(contextId: number, flags: number, bytes: Uint8Array): void;
  fragmentEnd(contextId: number, flags: number): void;
  releaseRequested(): void;
  /** True keeps a silent association. */
  isBusy(): boolean;
  /** The association is over, exactly once: without error after a release, else with a `dimse.*` error. */
  onClosed(error?: CairnError): void;
}

/** One transport connection and its association: the state table of PS3.8 §9.2 in motion, in either role. */
export class UpperLayer {
  readonly #socket: Socket;
  readonly #role: 'requestor' | 'acceptor';
  readonly #options: UpperLayerOptions;
  #user: UpperLayerUser;
  readonly #reader: PduReader;
  readonly #idle: NodeJS.Timeout;
  #artim: NodeJS.Timeout | undefined;
  #state: State = 1;
  #ended = false;
  #abortReason: number = ABORT_REASON.notSpecified;
  #fault: CairnError | undefined;
  #request: AssociateRequest | undefined;
  #accept: AssociateAccept | undefined;
  #peerBytes: Buffer = Buffer.alloc(4);

  constructor(socket: Socket, role: 'requestor' | 'acceptor', options: UpperLayerOptions, user: UpperLayerUser) {
    this.#socket = socket;
    this.#role = role;
    this.#options = options;
    this.#user = user;
    this.#reader = new PduReader(this.#sink(), options.maxPduLength);
    this.#idle = setTimeout(() => this.#onIdle(), options.idleMs);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('error', (error) => this.#onSocketError(error));
    socket.on('close', () => this.#onSocketClosed());
  }

  /** From now on `user` gets the indications: the negotiation is done. */
  handOver(user: UpperLayerUser): void {
    this.#user = user;
  }

  /** The state of PS3.8 §9.2.1. */
  get state(): State {
    return this.#state;
  }

  /** Acceptor: the transport connection is open, the A-ASSOCIATE-RQ is awaited. */
  listen(): void {
    this.#fire('transport-indication');
  }

  /** Requestor: sends the request as soon as {@link connected} is called. */
  associate(request: AssociateRequest): void {
    this.#request = request;
    this.#fire('associate-request');
  }

  /** Requestor: the transport connection (with TLS, its handshake too) is open. */
  connected(): void {
    this.#fire('transport-connected');
  }

  /** Acceptor: answers the request with A-ASSOCIATE-AC. */
  accept(accept: AssociateAccept): void {
    this.#accept = accept;
    this.#fire('accept');
  }

  /** Acceptor: answers the request with A-ASSOCIATE-RJ. */
  reject(rejection: Rejection): void {
    if (this.#state !== 3) return;
    this.#write(encodeReject(rejection));
    this.#fire('reject');
  }

  /** Begins an orderly release; `onClosed` of the user tells its end. */
  release(): void {
    this.#fire('release-request');
  }

  /** Answers `releaseRequested`. */
  respondRelease(): void {
    this.#fire('release-response');
  }

  /** A-ABORT by the service user; `error` is what `onClosed` tells. */
  abort(error: CairnError): void {
    this.#fault ??= error;
    this.#fire('abort-request');
  }

  /** A-ABORT by the provider: the peer's PDUs make no sense. */
  abortProtocol(error: CairnError): void {
    this.#fault ??= error;
    this.#abortReason = Number(error.details['abortReason'] ?? ABORT_REASON.invalidParameterValue);
    this.#fire('invalid-pdu');
  }

  /** Stops reading from the peer. */
  pause(): void {
    this.#socket.pause();
  }

  /** Reads on. */
  resume(): void {
    this.#socket.resume();
  }

  /** True while nothing is read because the user asked so. */
  get paused(): boolean {
    return this.#socket.isPaused();
  }

  /**
   * Writes P-DATA-TF bytes; resolves when there is room for more. Throws `dimse.aborted` when no association is there,
   * `dimse.timeout` when the peer takes nothing for `sendTimeoutMs`. `onWritten` is called when the socket has taken the last byte.
   */
  async sendData(parts: readonly Uint8Array[], onWritten?: () => void): Promise<void> {
    if (STATE_TABLE['data-request'][this.#state] === undefined) throw this.#fault ?? aborted('The association is over.');
    this.#fire('data-request');
    this.#socket.cork();
    parts.forEach((part, index) => this.#socket.write(part, index === parts.length - 1 ? onWritten : undefined));
    this.#socket.uncork();
    this.#idle.refresh();
    if (this.#socket.writableNeedDrain) await this.#drained();
  }

  #drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#socket.off('drain', settle);
        this.#socket.off('close', settle);
        if (this.#ended) reject(this.#fault ?? aborted('The connection was lost while sending.'));
        else resolve();
      };
      const timer = setTimeout(() => this.#onSendTimeout(), this.#options.sendTimeoutMs);
      this.#socket.on('drain', settle);
      this.#socket.on('close', settle);
    });
  }

  /** What is still unsent can never leave: the connection is dropped after the state machine's A-ABORT. */
  #onSendTimeout(): void {
    this.abort(new CairnError('dimse.timeout', 'The peer takes no more data.', { retriable: true }));
    this.#socket.destroy();
  }

  #sink(): ConstructorParameters<typeof PduReader>[0] {
    return {
      pdu: (type, body) => this.#onPdu(type, body),
      dataStart: () => this.#fire('p-data-tf'),
      fragment: (contextId, flags, bytes) => this.#user.fragment(contextId, flags, bytes),
      fragmentEnd: (contextId, flags) => this.#user.fragmentEnd(contextId, flags),
      invalid: (abortReason) => this.#onInvalid(abortReason),
    };
  }

  #onData(chunk: Buffer): void {
    this.#idle.refresh();
    try {
      this.#reader.push(chunk);
    } catch (error) {
      if (!CairnError.is(error, 'dimse.protocol')) throw error;
      this.abortProtocol(error);
    }
  }

  #onInvalid(abortReason: number): void {
    this.abortProtocol(new CairnError('dimse.protocol', 'The peer sent a PDU that cannot be read.', { details: { abortReason } }));
  }

  #onPdu(type: number, body: Buffer): void {
    this.#peerBytes = body;
    switch (type) {
      case PDU.associateRq:
        this.#request = decodeAssociateRequest(body);
        return this.#fire('associate-rq');
      case PDU.associateAc:
        this.#accept = decodeAssociateAccept(body);
        return this.#fire('associate-ac');
      case PDU.associateRj:
        return this.#fire('associate-rj');
      case PDU.releaseRq:
        return this.#fire('release-rq');
      case PDU.releaseRp:
        return this.#fire('release-rp');
      default:
        return this.#fire('abort');
    }
  }

  #onSocketError(error: Error): void {
    this.#fault ??= new CairnError('dimse.aborted', 'The connection failed.', { retriable: true, cause: error });
  }

  #onSocketClosed(): void {
    this.#fire('transport-closed');
    clearTimeout(this.#artim);
    clearTimeout(this.#idle);
  }

  #onIdle(): void {
    if (this.#state !== 6) return;
    if (this.#user.isBusy()) this.#idle.refresh();
    else this.abort(new CairnError('dimse.timeout', 'The association was silent for too long.', { retriable: true }));
  }

  #fire(event: Event): void {
    const transition = STATE_TABLE[event][this.#state];
    if (transition === undefined) return;
    const [action, next] = transition;
    this.#state = next;
    this.#actions[action]();
  }

  /** PS3.8 Tables 9-6 to 9-9. The state is the next one already; an action that chooses another says so. */
  readonly #actions: Readonly<Record<Action, () => void>> = {
    'AE-1': () => {},
    'AE-2': () => this.#write(encodeAssociateRequest(this.#request!)),
    'AE-3': () => this.#user.associateAccepted(this.#accept!),
    'AE-4': () => this.#endRejected(),
    'AE-5': () => this.#startArtim(),
    'AE-6': () => this.#indicateAssociate(),
    'AE-7': () => this.#write(encodeAssociateAccept(this.#accept!)),
    'AE-8': () => {
      this.#awaitClose();
      this.#end();
    },
    'DT-1': () => {},
    'DT-2': () => {},
    'AR-1': () => {
      this.#write(encodeReleaseRq());
      this.#startArtim();
    },
    'AR-2': () => this.#user.releaseRequested(),
    'AR-3': () => this.#close(),
    'AR-4': () => {
      this.#write(encodeReleaseRp());
      this.#awaitClose();
      this.#end();
    },
    'AR-5': () => clearTimeout(this.#artim),
    'AR-6': () => {},
    'AR-7': () => {},
    'AR-8': () => this.#collide(),
    'AR-9': () => this.#write(encodeReleaseRp()),
    'AR-10': () => this.#fire('release-response'),
    'AA-1': () => {
      this.#write(encodeAbort({ source: 0, reason: 0 }));
      this.#awaitClose();
      this.#end(this.#fault ?? aborted('The association was aborted here.'));
    },
    'AA-2': () => this.#close(this.#fault ?? new CairnError('dimse.timeout', 'The peer did not answer in time.', { retriable: true })),
    'AA-3': () => this.#endAborted(),
    'AA-4': () => this.#close(this.#fault ?? aborted('The connection was closed.')),
    'AA-5': () => this.#close(this.#fault ?? aborted('The connection was closed before an association was requested.')),
    'AA-6': () => {},
    'AA-7': () => this.#write(encodeAbort({ source: 2, reason: this.#abortReason })),
    'AA-8': () => {
      this.#write(encodeAbort({ source: 2, reason: this.#abortReason || ABORT_REASON.unexpectedPdu }));
      this.#awaitClose();
      this.#end(this.#fault ?? new CairnError('dimse.protocol', 'The peer sent a PDU that is not allowed now.'));
    },
  };

  #indicateAssociate(): void {
    clearTimeout(this.#artim);
    if ((this.#request!.protocolVersion & 1) === 0) this.reject(REJECTION.protocolVersion);
    else this.#user.associateRequested(this.#request!);
  }

  /** Both sides asked for the release at once (PS3.8 §7.2.3): the requestor answers first. */
  #collide(): void {
    if (this.#role === 'requestor') this.#fire('release-response');
    else this.#state = 10;
  }

  #endRejected(): void {
    const { result, source, reason } = decodeReject(this.#peerBytes);
    const details = { result, source, reason };
    const retriable = result === 2;
    this.#close(new CairnError('dimse.association-rejected', 'The peer rejected the association.', { retriable, details }));
  }

  #endAborted(): void {
    const { source, reason } = decodeAbort(this.#peerBytes);
    this.#close(new CairnError('dimse.aborted', 'The peer aborted the association.', { retriable: true, details: { source, reason } }));
  }

  #write(bytes: Uint8Array): void {
    this.#idle.refresh();
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  #startArtim(): void {
    clearTimeout(this.#artim);
    this.#artim = setTimeout(() => this.#onArtim(), this.#options.artimMs);
  }

  /** In state 7 the timer runs too, so that a peer that never answers a release cannot hold the association. */
  #onArtim(): void {
    if (this.#state === 2 || this.#state === 13) this.#fire('artim-expired');
    else this.abort(new CairnError('dimse.timeout', 'The peer did not answer the release.', { retriable: true }));
  }

  /** Our last PDU is out: nothing more is read, and the peer must close within ARTIM. */
  #awaitClose(): void {
    this.#socket.end();
    this.#socket.resume();
    this.#startArtim();
  }

  #close(error?: CairnError): void {
    clearTimeout(this.#artim);
    this.#socket.destroy();
    this.#end(error);
  }

  #end(error?: CairnError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reader.stop();
    if (error) this.#fault ??= error;
    clearTimeout(this.#idle);
    this.#user.onClosed(error);
  }
}

function aborted(message: string): CairnError {
  return new CairnError('dimse.aborted', message, { retriable: true });
}
