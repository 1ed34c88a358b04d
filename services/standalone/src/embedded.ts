import { join } from 'node:path';
import { CairnError } from '@cairn/core';
import type { Logger } from '@cairn/core';
import type { EventBus } from '@cairn/event-bus';
import { SqliteEventBus } from '@cairn/event-bus/sqlite';
import type { MetadataStore } from '@cairn/metadata-store';
import { SqliteMetadataStore } from '@cairn/metadata-store/sqlite';
import { countOperations } from '@cairn/object-store';
import type { ObjectStore } from '@cairn/object-store';
import { FilesystemObjectStore } from '@cairn/object-store/filesystem';
import type { Metrics } from '@cairn/telemetry';
import { openDataFolder } from './data-folder.ts';

/** The embedded adapters of one data folder. */
export interface EmbeddedStores {
  folder: string;
  objectStore: ObjectStore;
  metadataStore: MetadataStore;
  eventBus: EventBus;
  /** Closes all, then gives the folder free. */
  close(): Promise<void>;
}

/** Opens the data folder and the adapters in it; any failure is a `runtime.start-failed` that says which part and why. */
export async function openEmbeddedStores(path: string, metrics: Metrics, logger: Logger): Promise<EmbeddedStores> {
  const data = openDataFolder(path);
  const files = await opened('object store', FilesystemObjectStore.open({ folder: data.path }));
  const metadataStore = await opened('index', SqliteMetadataStore.open({ file: join(data.folder('index'), 'index.sqlite') }));
  const eventBus = await opened('event log', SqliteEventBus.open({ file: join(data.folder('events'), 'events.sqlite'), logger }));
  return {
    folder: data.path,
    objectStore: countOperations(files, (operation) => metrics.objectStoreOperations.inc({ operation })),
    metadataStore,
    eventBus,
    close: async () => {
      await eventBus.close();
      await metadataStore.close();
      await files.close();
      data.release();
    },
  };
}

async function opened<T>(part: string, opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    const reason = CairnError.is(error) ? error.message : 'unexpected failure';
    throw new CairnError('runtime.start-failed', `The ${part} cannot be opened: ${reason}`, { cause: error });
  }
}
