import { failpoint, silentLogger, systemScope } from '@cairn/core';
import type { Logger } from '@cairn/core';
import type { MetadataStore } from '@cairn/metadata-store';
import type { ObjectStore } from '@cairn/object-store';
import { readJournal } from '../journal/read-journal.ts';
import { walkLanding } from './landing-walk.ts';
import { rescanInBatches } from './receipt-batches.ts';

/** How far a rebuild is. */
export interface RebuildProgress {
  tenant: string;
  instances: number;
  /** Objects that cannot be scanned; logged and left out. */
  unreadable: number;
  facts: number;
}

/** What {@link rebuildIndex} works on. */
export interface RebuildOptions {
  objectStore: ObjectStore;
  metadataStore: MetadataStore;
  tenants: readonly string[];
  logger?: Logger;
  /** Called after each batch. */
  onProgress?: (progress: RebuildProgress) => void;
  signal?: AbortSignal;
}

/**
 * Makes the index anew from landing objects and journal alone, replayed in ULID order; nothing may be received meanwhile. The
 * change feed is not told. A rebuild that was cut short is simply run again.
 */
export async function rebuildIndex(options: RebuildOptions): Promise<readonly RebuildProgress[]> {
  const results: RebuildProgress[] = [];
  for (const tenant of options.tenants) results.push(await rebuildTenant(tenant, options));
  return results;
}

async function rebuildTenant(tenant: string, options: RebuildOptions): Promise<RebuildProgress> {
  const { objectStore, metadataStore, logger = silentLogger, onProgress, signal } = options;
  const scope = systemScope(tenant);
  const counts = { scanned: 0, unreadable: 0 };
  const progress = (facts: number): RebuildProgress => ({ tenant, instances: counts.scanned, unreadable: counts.unreadable, facts });
  await metadataStore.clear(scope);
  for await (const { instances } of walkLanding(objectStore, scope)) {
    const keys = instances.map(({ key }) => key);
    for await (const receipts of rescanInBatches({ objectStore, logger, counts }, scope, keys)) {
      signal?.throwIfAborted();
      await metadataStore.recordReceipts(scope, receipts);
      failpoint('rebuild.after-record');
      onProgress?.(progress(0));
    }
  }
  let facts = 0;
  for await (const ofObject of readJournal(objectStore, scope, logger)) {
    signal?.throwIfAborted();
    await metadataStore.applyFacts(scope, ofObject);
    facts += ofObject.length;
    onProgress?.(progress(facts));
  }
  return progress(facts);
}
