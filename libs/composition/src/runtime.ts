import type { CairnConfig } from '@cairn/config';
import type { Logger } from '@cairn/core';
import { Metrics, createLogger } from '@cairn/telemetry';
import { composeArchive } from './compose-archive.ts';
import type { Archive } from './compose-archive.ts';
import { openStores, requireDistributed } from './open-stores.ts';
import type { Stores } from './open-stores.ts';

/** What every process of the archive has. */
export interface Runtime {
  config: CairnConfig;
  logger: Logger;
  metrics: Metrics;
  stores: Stores;
  archive: Archive;
  /** Hands over the events of what was received, then closes the stores: the last steps of a stop, in this order. */
  closing: readonly (() => Promise<void>)[];
}

/** Opens logger, metrics, stores and the domain on them. `onEventLost`: an instance is durable, but its event was given up. */
export async function openRuntime(config: CairnConfig, onEventLost: () => void = () => undefined): Promise<Runtime> {
  const logger = createLogger(config.CAIRN_LOG_LEVEL);
  const metrics = new Metrics();
  const stores = await openStores(config, { metrics, logger });
  const archive = composeArchive(config, stores, { metrics, logger, onEventLost });
  return { config, logger, metrics, stores, archive, closing: [() => archive.receiver.close(), () => stores.close()] };
}

/**
 * {@link openRuntime} for a service that is a process of its own: without state, on stores that its replicas share (else `config.invalid`).
 * An event that it gives up is found by the indexer's next reconciliation.
 */
export async function openService(config: CairnConfig): Promise<Runtime> {
  requireDistributed(config);
  return openRuntime(config);
}
