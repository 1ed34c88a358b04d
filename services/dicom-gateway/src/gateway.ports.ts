import type { CommitmentService, InstanceReceiver, InstanceRetriever, QueryEngine } from '@cairn/archive';
import type { Logger } from '@cairn/core';

/** Counters that the gateway feeds; labels hold neither patient data nor AE titles. */
export interface GatewayMetrics {
  /** An association was established; call the result when it is over. */
  associationOpened(): (outcome: 'released' | 'aborted') => void;
  associationRejected(): void;
  /** A request was answered: `C-STORE` and the like, final status, seconds from the request's command to the answer. */
  requestServed(command: string, status: number, seconds: number): void;
}

/** What the gateway works with. */
export interface GatewayPorts {
  receiver: InstanceReceiver;
  queries: QueryEngine;
  retriever: InstanceRetriever;
  commitments: CommitmentService;
  logger: Logger;
  metrics?: GatewayMetrics;
}

/** Injection token of the GatewayConfig. */
export const GATEWAY_CONFIG = Symbol('GATEWAY_CONFIG');

/** Injection token of the GatewayPorts. */
export const GATEWAY_PORTS = Symbol('GATEWAY_PORTS');
