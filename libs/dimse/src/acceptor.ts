import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { CairnError, Logger } from '@cairn/core';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@cairn/dicom';
import { Association } from './message/association.ts';
import type { RequestHandlers } from './message/operation.ts';
import { negotiate, windowOf } from './negotiation.ts';
import type { Acceptance, AssociationDecision } from './negotiation.ts';
import { DICOM_APPLICATION_CONTEXT } from './upper-layer/associate.ts';
import type { AssociateRequest } from './upper-layer/associate.ts';
import { MIN_MAX_PDU_LENGTH, REJECTION } from './upper-layer/pdu.ts';
import { UpperLayer } from './upper-layer/upper-layer.ts';
import type { UpperLayerOptions, UpperLayerUser } from './upper-layer/upper-layer.ts';

/** Bounds of an accepted connection, complete. */
export interface AcceptorSettings extends UpperLayerOptions {
  maxOperations: number;
  responseTimeoutMs: number;
  logger: Logger;
}

/** What is known of a peer before its association is accepted. */
export interface AssociationSummary {
  /** Numeric; an IPv4 address as such, also on a dual listener. */
  address: string;
  port: number;
  tls: boolean;
  /** Common name of the peer's certificate, verified by our authority. */
  tlsSubject?: string;
}

/** The server above: decides, and keeps count. */
export interface AcceptorServer {
  handlers: RequestHandlers;
  decide(request: AssociateRequest, peer: AssociationSummary): Promise<AssociationDecision>;
  opened(association: Association): void;
  closed(association: Association, error?: CairnError): void;
  /** The place taken by `decide` is free again. */
  leave(): void;
}

/** An accepted connection until its association is made or refused. */
export class Acceptor implements UpperLayerUser {
  readonly #settings: AcceptorSettings;
  readonly #server: AcceptorServer;
  readonly #layer: UpperLayer;
  readonly #peer: AssociationSummary;
  #ended = false;
  #deciding = false;

  constructor(socket: Socket, settings: AcceptorSettings, server: AcceptorServer) {
    this.#settings = settings;
    this.#server = server;
    this.#peer = describePeer(socket);
    this.#layer = new UpperLayer(socket, 'acceptor', settings, this);
    this.#layer.listen();
  }

  associateRequested(request: AssociateRequest): void {
    this.#deciding = true;
    void this.#answer(request);
  }

  associateAccepted(): void {}
  fragment(): void {}
  fragmentEnd(): void {}
  releaseRequested(): void {}

  isBusy(): boolean {
    return true;
  }

  onClosed(error?: CairnError): void {
    this.#ended = true;
    if (error && !this.#deciding) this.#settings.logger.debug({ address: this.#peer.address, code: error.code }, 'dimse.connection-closed');
  }

  async #answer(request: AssociateRequest): Promise<void> {
    const decision = await this.#decide(request);
    if (this.#ended) this.#server.leave();
    else if ('rejection' in decision) {
      this.#settings.logger.info({ address: this.#peer.address, ...decision.rejection }, 'dimse.association-rejected');
      this.#layer.reject(decision.rejection);
      this.#server.leave();
    } else this.#accept(request, decision);
  }

  async #decide(request: AssociateRequest): Promise<AssociationDecision> {
    try {
      const decision = await this.#server.decide(request, this.#peer);
      const { maxPduLength } = request.user;
      if (request.applicationContext !== DICOM_APPLICATION_CONTEXT) return { rejection: REJECTION.applicationContext };
      if (maxPduLength > 0 && maxPduLength < MIN_MAX_PDU_LENGTH) return { rejection: REJECTION.noReason };
      return decision;
    } catch (error) {
      this.#settings.logger.error({ err: error }, 'dimse.decision-failed');
      return { rejection: REJECTION.noReason };
    }
  }

  #accept(request: AssociateRequest, acceptance: Acceptance): void {
    const { maxPduLength, maxOperations, responseTimeoutMs, logger } = this.#settings;
    const { results, contexts, roleSelections, extendedNegotiations, asynchronousOperations } = negotiate(
      request,
      acceptance,
      maxOperations,
    );
    const agreement = {
      callingAet: request.callingAet,
      calledAet: request.calledAet,
      contexts,
      peer: request.user,
      extendedNegotiations: new Map(extendedNegotiations.map(({ sopClassUid, information }) => [sopClassUid, information])),
      ...this.#peer,
      invokedWindow: windowOf(asynchronousOperations?.performed),
      performedWindow: windowOf(asynchronousOperations?.invoked),
    };
    const { handlers } = this.#server;
    const association = new Association(this.#layer, agreement, { handlers, responseTimeoutMs, logger });
    this.#layer.handOver(association);
    void association.closed.then((error) => {
      this.#server.closed(association, error);
      this.#server.leave();
    });
    this.#server.opened(association);
    const wantsResponse = request.user.userIdentity?.positiveResponseRequested && acceptance.userIdentityResponse;
    this.#layer.accept({
      calledAet: request.calledAet,
      callingAet: request.callingAet,
      contexts: results,
      user: {
        maxPduLength,
        implementationClassUid: IMPLEMENTATION_CLASS_UID,
        implementationVersionName: IMPLEMENTATION_VERSION_NAME,
        roleSelections,
        extendedNegotiations,
        commonExtendedNegotiations: [],
        ...(asynchronousOperations ? { asynchronousOperations } : {}),
        ...(wantsResponse ? { userIdentityResponse: wantsResponse } : {}),
      },
    });
  }
}

function describePeer(socket: Socket): AssociationSummary {
  const summary = {
    address: (socket.remoteAddress ?? '').replace(/^::ffff:/, ''),
    port: socket.remotePort ?? 0,
    tls: socket instanceof TLSSocket,
  };
  if (!(socket instanceof TLSSocket) || !socket.authorized) return summary;
  const name = socket.getPeerCertificate().subject?.CN;
  return typeof name === 'string' ? { ...summary, tlsSubject: name } : summary;
}
