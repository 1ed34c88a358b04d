import type { FastifyRequest } from 'fastify';
import type { InstanceReceiver } from '@cairn/archive';
import type { Logger, Scope } from '@cairn/core';

/** Settings of the ingest service. */
export interface IngestConfig {
  /** Longest body of a STOW-RS request. */
  maxRequestBytes: number;
  /** Most instances in one STOW-RS request. */
  maxParts: number;
  /** Instances of one request that may await their durable commit at once. */
  commitsInFlight: number;
}

/** Defaults of {@link IngestConfig}: a body may hold the largest study, its instances are bounded by the archive itself. */
export const INGEST_DEFAULTS: IngestConfig = { maxRequestBytes: 2 ** 40, maxParts: 100_000, commitsInFlight: 8 };

/** What the ingest service works with. */
export interface IngestPorts {
  receiver: InstanceReceiver;
  /** On whose behalf a request is made. */
  scopeOf(this: void, request: FastifyRequest): Scope;
  logger: Logger;
}

/** Injection token of {@link IngestConfig}. */
export const INGEST_CONFIG = Symbol('IngestConfig');
/** Injection token of {@link IngestPorts}. */
export const INGEST_PORTS = Symbol('IngestPorts');
