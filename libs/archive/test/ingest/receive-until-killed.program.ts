import { join } from 'node:path';
import { Indexer, IngestPipeline } from '@cairn/archive';
import { ALL_TENANTS, UlidFactory, armFailpoint, systemScope } from '@cairn/core';
import { SqliteEventBus } from '@cairn/event-bus/sqlite';
import { SqliteMetadataStore } from '@cairn/metadata-store/sqlite';
import { FilesystemObjectStore } from '@cairn/object-store/filesystem';
import { TINY, aStudy } from '@cairn/testing';

/* A process that receives instances from four senders until its failpoint kills it; it prints each ULID as it is acknowledged. */
const [, , folder = '', point = ''] = process.argv;
const objectStore = await FilesystemObjectStore.open({ folder });
const eventBus = await SqliteEventBus.open({ file: join(folder, 'events.sqlite') });
const metadataStore = await SqliteMetadataStore.open({ file: join(folder, 'index.sqlite') });
const indexer = new Indexer({ objectStore, metadataStore, eventBus });
await eventBus.subscribe(systemScope(ALL_TENANTS), 'ingest.v1', 'indexer', (events) => indexer.handle(events));
const pipeline = new IngestPipeline({ objectStore, eventBus, ulids: new UlidFactory() });
armFailpoint(point, 30);

await Promise.all(
  [0, 1, 2, 3].map(async (sender) => {
    for (const instance of aStudy({ ...TINY, seed: sender, instances: 1000 }).instances) {
      const outcome = await pipeline.receive(systemScope('default'), { source: { protocol: 'stow' } }, once(instance.bytes()));
      if (outcome.kind === 'stored') process.stdout.write(`${outcome.instance.ulid}\n`);
    }
  }),
);

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
