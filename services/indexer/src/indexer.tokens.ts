import type { Logger } from '@cairn/core';
import type { JournalWriter } from '@cairn/archive';
import type { EventBus } from '@cairn/event-bus';
import type { MetadataStore } from '@cairn/metadata-store';
import type { ObjectStore } from '@cairn/object-store';
import type { Metrics } from '@cairn/telemetry';

export const INDEXER_CONFIG = Symbol('indexer.config');
export const INDEXER_PORTS = Symbol('indexer.ports');

/** Settings of the indexer. */
export interface IndexerConfig {
  /** Tenants to look after, beside those that have studies. */
  tenants: readonly string[];
  /** Between two reconciliations, milliseconds. */
  reconcileIntervalMs: number;
  /** Between two collections of duplicates, milliseconds. */
  collectIntervalMs: number;
  /** Age at which a duplicate's object may go: longer than the longest retrieve. */
  duplicateGraceMs: number;
  /** The longest that receiving one instance may take; an hour of the landing zone is closed only so long after its end. */
  longestReceiveMs: number;
}

/** What {@link IndexerConfig} is where nothing else is said. */
export const INDEXER_DEFAULTS: IndexerConfig = {
  tenants: ['default'],
  reconcileIntervalMs: 10 * 60_000,
  collectIntervalMs: 60 * 60_000,
  duplicateGraceMs: 24 * 3_600_000,
  longestReceiveMs: 6 * 3_600_000,
};

/** What the indexer works on. */
export interface IndexerPorts {
  objectStore: ObjectStore;
  metadataStore: MetadataStore;
  eventBus: EventBus;
  journal: JournalWriter;
  logger: Logger;
  metrics?: Metrics;
}
