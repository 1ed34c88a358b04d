import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '@cairn/infra';
import type { MetadataStore } from '@cairn/metadata-store';
import { MongoMetadataStore } from '@cairn/metadata-store/mongo';
import { SqliteMetadataStore } from '@cairn/metadata-store/sqlite';

/** An index to measure. */
export interface OpenedIndex {
  readonly store: MetadataStore;
  /** True of the server that speaks MongoDB's protocol: it shows whether answers are right, not how fast MongoDB is. */
  readonly isStandIn: boolean;
  /** Closes it, and removes it where no folder was named. */
  close(): Promise<void>;
}

/**
 * Opens `sqlite` or `mongo` (the installation that `MONGODB_URI` names, else a server of its own) with its data in `folder`, by default a
 * temporary one. `database` names the collections' database; a real installation keeps it.
 */
export async function openIndex(adapter: string, database: string, folder?: string): Promise<OpenedIndex> {
  if (adapter !== 'sqlite' && adapter !== 'mongo') throw new RangeError(`--adapter is sqlite or mongo, not ${adapter}`);
  const place = folder ?? (await mkdtemp(join(tmpdir(), 'cairn-bench-index-')));
  const remove = async (): Promise<void> => (folder === undefined ? rm(place, { recursive: true }) : undefined);
  if (adapter === 'sqlite') {
    const store = await SqliteMetadataStore.open({ file: join(place, 'index.db') });
    return { store, isStandIn: false, close: () => store.close().then(remove) };
  }
  const server = await startServer('mongodb', { dataDir: place });
  const store = await MongoMetadataStore.open({ uri: server.address, database });
  const close = async (): Promise<void> => {
    await store.close();
    await server.stop();
    await remove();
  };
  return { store, isStandIn: server.ours, close };
}
