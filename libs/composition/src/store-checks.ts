import { INGEST_TOPIC } from '@cairn/archive';
import { ALL_TENANTS, DEFAULT_TENANT, systemScope } from '@cairn/core';
import type { Stores } from './open-stores.ts';

/** Whether a store works: resolves, or throws a CairnError that says why not. */
export interface StoreCheck {
  name: string;
  check(this: void): Promise<void>;
}

/** A small write to the object store. */
export function objectStoreCheck({ objectStore }: Stores): StoreCheck {
  return { name: 'object store', check: () => objectStore.check(systemScope(DEFAULT_TENANT)) };
}

/** A small read of the index. */
export function indexCheck({ metadataStore }: Stores): StoreCheck {
  return { name: 'index', check: () => metadataStore.check(systemScope(DEFAULT_TENANT)) };
}

/** Asks the bus for the indexer's position. */
export function busCheck({ eventBus }: Stores): StoreCheck {
  return { name: 'event bus', check: async () => void (await eventBus.lag(systemScope(ALL_TENANTS), INGEST_TOPIC, 'indexer')) };
}
