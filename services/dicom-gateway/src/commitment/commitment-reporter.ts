import { setTimeout as delay } from 'node:timers/promises';
import type { CommitmentReport } from '@cairn/archive';
import { CairnError } from '@cairn/core';
import type { Scope } from '@cairn/core';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '@cairn/dicom';
import { COMMAND, STATUS } from '@cairn/dimse';
import { Inject } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import type { GatewayConfig } from '../gateway.config.ts';
import { GATEWAY_CONFIG, GATEWAY_PORTS } from '../gateway.ports.ts';
import type { GatewayPorts } from '../gateway.ports.ts';
import { Destination } from '../retrieve/destination.ts';
import { gatewayScope } from '../scope.ts';
import { REPORT_EVENT, STORAGE_COMMITMENT, encodeReport } from './storage-commitment.ts';

/** Requests that one process works on at the same time: a peer that is slow to answer holds up no other. */
const WORKERS = 4;
const POLL_MS = 1000;
/** While the requests themselves cannot be had. */
const OUTAGE_PAUSE_MS = 10_000;
const DEFAULT_DRAIN_MS = 20_000;

/** Our role is the SCP's, though we open the association (PS3.4 §J.3.3, PS3.7 §D.3.3.4). */
const CONTEXTS = [
  {
    abstractSyntaxUid: STORAGE_COMMITMENT.sopClassUid,
    transferSyntaxUids: [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN],
    roles: { scu: false, scp: true },
  },
];

/** Works on requests for storage commitment, from the application's start to its shutdown, and reports on them by N-EVENT-REPORT. */
export class CommitmentReporter implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #config: GatewayConfig;
  readonly #ports: GatewayPorts;
  readonly #scope: Scope;
  /** No further request is begun. */
  readonly #stopping = new AbortController();
  /** Those under way are given up: another process, or the next start, goes on. */
  readonly #ended = new AbortController();
  #workers: readonly Promise<void>[] = [];

  constructor(@Inject(GATEWAY_CONFIG) config: GatewayConfig, @Inject(GATEWAY_PORTS) ports: GatewayPorts) {
    this.#config = config;
    this.#ports = ports;
    this.#scope = gatewayScope(config);
  }

  onApplicationBootstrap(): void {
    this.#workers = Array.from({ length: WORKERS }, async () => await this.#work());
  }

  /** Lets reports under way end, up to the drain time. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#stopping.abort();
    const deadline = setTimeout(() => this.#ended.abort(), this.#config.timeouts?.drainMs ?? DEFAULT_DRAIN_MS);
    await Promise.all(this.#workers);
    clearTimeout(deadline);
  }

  async #work(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const pauseMs = await this.#handleNext();
      if (pauseMs > 0) await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Gives how long to wait before the next. */
  async #handleNext(): Promise<number> {
    const send = async (report: CommitmentReport, signal: AbortSignal): Promise<void> => await this.#send(report, signal);
    try {
      return (await this.#ports.commitments.handleNext(this.#scope, send, this.#ended.signal)) ? 0 : POLL_MS;
    } catch (error) {
      this.#ports.logger.warn({ error }, 'gateway.commitments-unavailable');
      return OUTAGE_PAUSE_MS;
    }
  }

  async #send(report: CommitmentReport, signal: AbortSignal): Promise<void> {
    const { requestorAet } = report;
    const peer = this.#config.peers.get(requestorAet);
    if (!peer) throw new CairnError('dimse.unknown-destination', 'No address is configured for the requestor.');
    const association = await new Destination(this.#config, requestorAet, peer, CONTEXTS).connect(signal);
    try {
      // A peer that says nothing about roles is told all the same: it asked for the report.
      const [context] = association.agreement.contexts;
      if (!context) throw new CairnError('dimse.no-context', 'The requestor does not take storage commitment reports.');
      const { status } = await association.nService(
        {
          ...STORAGE_COMMITMENT,
          commandField: COMMAND.eventReport,
          eventTypeId: report.failed.length === 0 ? REPORT_EVENT.allCommitted : REPORT_EVENT.someFailed,
          context,
          dataSet: encodeReport(report, this.#config.aeTitle, context.transferSyntaxUid),
        },
        { signal },
      );
      if (status !== STATUS.success && !isWarning(status)) {
        throw new CairnError('dimse.protocol', 'The requestor did not take the report.', { details: { status }, retriable: true });
      }
    } catch (error) {
      association.abort();
      throw error;
    }
    await association.release();
  }
}

/** Warnings of N-services: attribute list error, attribute value out of range (PS3.7 §C.4). */
function isWarning(status: number): boolean {
  return status === 0x0107 || status === 0x0116;
}
