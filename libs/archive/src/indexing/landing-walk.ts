import type { Scope } from '@cairn/core';
import type { ObjectStore } from '@cairn/object-store';
import { parseLandingKey } from '../ingest/landing-key.ts';

/** Landing objects looked at together. */
const BATCH = 500;

/** Some landing objects in the order of their ULIDs. */
export interface LandingBatch {
  instances: { ulid: string; key: string }[];
  /** Keys of texts whose instance is gone. */
  orphans: string[];
}

/** Walks a tenant's landing zone after a key, in batches. An instance's parts follow it in the order of keys. */
export async function* walkLanding(objectStore: ObjectStore, scope: Scope, after?: string): AsyncGenerator<LandingBatch> {
  let batch: LandingBatch = { instances: [], orphans: [] };
  let lastInstance: string | undefined;
  for await (const { key } of objectStore.list(scope, `landing/${scope.tenant}/`, after)) {
    const parsed = parseLandingKey(key);
    if (parsed === undefined) continue;
    if (parsed.part === 'dcm') {
      lastInstance = parsed.ulid;
      batch.instances.push({ ulid: parsed.ulid, key });
    } else if (parsed.ulid !== lastInstance) batch.orphans.push(key);
    if (batch.instances.length + batch.orphans.length < BATCH) continue;
    yield batch;
    batch = { instances: [], orphans: [] };
  }
  yield batch;
}
