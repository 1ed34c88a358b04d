import 'reflect-metadata';
import { join } from 'node:path';
import type { INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { INGEST_TOPIC, IngestPipeline, JournalWriter } from '@cairn/archive';
import { ALL_TENANTS, CairnError, UlidFactory, silentLogger, systemScope } from '@cairn/core';
import { SqliteEventBus } from '@cairn/event-bus/sqlite';
import type { MetadataStore } from '@cairn/metadata-store';
import { SqliteMetadataStore } from '@cairn/metadata-store/sqlite';
import { FilesystemObjectStore } from '@cairn/object-store/filesystem';
import type { ReadinessCheck } from '@cairn/platform-nest';
import { EventBusStrategy } from '@cairn/platform-nest/messaging';
import { TINY, aStudy, makeTempDir } from '@cairn/testing';
import type { TempDir } from '@cairn/testing';
import { IndexerModule, IndexingService } from '../src/indexer.module.ts';
import type { IndexerPorts } from '../src/indexer.module.ts';

const scope = systemScope('default');
const study = aStudy({ ...TINY, instances: 4 });

describe('IndexerModule', () => {
  let folder: TempDir;
  let ports: IndexerPorts & { objectStore: FilesystemObjectStore; eventBus: SqliteEventBus; metadataStore: SqliteMetadataStore };
  let pipeline: IngestPipeline;
  let app: INestMicroservice | undefined;
  let strategy: EventBusStrategy;
  const ulids = new UlidFactory();

  beforeEach(async () => {
    folder = await makeTempDir();
    const objectStore = await FilesystemObjectStore.open({ folder: folder.path });
    const metadataStore = await SqliteMetadataStore.open({ file: join(folder.path, 'index.sqlite') });
    const eventBus = await SqliteEventBus.open({ file: join(folder.path, 'events.sqlite') });
    const journal = new JournalWriter({ objectStore, metadataStore, ulids });
    ports = { objectStore, metadataStore, eventBus, journal, logger: silentLogger };
    pipeline = new IngestPipeline({ objectStore, eventBus, ulids });
  });

  afterEach(async () => {
    await app?.close();
    app = undefined;
    await pipeline.close();
    await ports.eventBus.close();
    await ports.metadataStore.close();
    await ports.objectStore.close();
    await folder.remove();
  });

  const start = async (more: Partial<IndexerPorts> = {}): Promise<void> => {
    strategy = new EventBusStrategy({ bus: ports.eventBus });
    app = await NestFactory.createMicroservice(IndexerModule.forRoot({}, { ...ports, ...more }), { strategy, logger: false });
    await app.listen();
  };
  const reconciled = (): Promise<boolean> => passes(app!.get(IndexingService).readiness);
  const lag = (): Promise<number> => ports.eventBus.lag(systemScope(ALL_TENANTS), INGEST_TOPIC, 'indexer');
  /** The metadata store with some of its methods replaced. */
  const metadataStoreWith = (replaced: Partial<MetadataStore>): MetadataStore =>
    new Proxy<MetadataStore>(ports.metadataStore, {
      get: (target, name: keyof MetadataStore) => {
        const value = replaced[name] ?? target[name];
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  const receive = async (from: number, to: number): Promise<void> => {
    for (const instance of study.instances.slice(from, to)) {
      const outcome = await pipeline.receive(scope, { source: { protocol: 'stow' } }, once(instance.bytes()));
      expect(outcome.kind).toBe('stored');
    }
  };
  const indexed = async (): Promise<number> => (await ports.metadataStore.study(scope, study.studyInstanceUid))?.numberOfInstances ?? 0;

  it('is ready only when everything stored before is indexed, and indexes what comes then', async () => {
    await receive(0, 2);
    await start();
    await until(reconciled);
    expect(await indexed()).toBe(2);
    await receive(2, 4);
    await until(async () => (await indexed()) === 4);
    await until(async () => (await lag()) === 0);
  });

  it('is not ready while a store does not answer, and tells why; then it reconciles', async () => {
    let isDown = true;
    const tenants = async (): Promise<readonly string[]> => {
      if (isDown) throw new CairnError('metadata-store.unavailable', 'down', { retriable: true });
      return [];
    };
    await receive(0, 2);
    await start({ metadataStore: metadataStoreWith({ tenants }) });
    await expect(app!.get(IndexingService).readiness.check()).rejects.toMatchObject({ code: 'archive.busy' });
    isDown = false;
    await until(reconciled);
    expect(await indexed()).toBe(2);
  });

  it('indexes what is announced while the first reconciliation is still under way', async () => {
    const held = Promise.withResolvers<readonly string[]>();
    await start({ metadataStore: metadataStoreWith({ tenants: () => held.promise }) });
    await receive(0, 4);
    await until(async () => (await indexed()) === 4);
    expect(await reconciled()).toBe(false);
    held.resolve([]);
    await until(reconciled);
  });

  it('starts without a bus and takes events when it is there', async () => {
    const subscribe = ports.eventBus.subscribe.bind(ports.eventBus);
    let refusals = 1;
    ports.eventBus.subscribe = async (...parameters) => {
      if (refusals-- > 0) throw new CairnError('event-bus.unavailable', 'down', { retriable: true });
      return subscribe(...parameters);
    };
    await start();
    await until(reconciled);
    await expect(strategy.readiness.check()).rejects.toMatchObject({ code: 'event-bus.unavailable' });
    await receive(0, 4);
    await until(async () => (await indexed()) === 4);
    expect(await passes(strategy.readiness)).toBe(true);
  });

  it('writes a batch at once; an event that cannot be indexed becomes a dead letter with its reason', async () => {
    await receive(0, 4);
    await pipeline.close();
    await ports.eventBus.publish(scope, INGEST_TOPIC, [
      { id: 'damaged', key: 'default|1', type: 'instance-received', data: '{}' },
      { id: 'unknown', key: 'default|1', type: 'instance-lost', data: '{}' },
    ]);
    const batches: number[] = [];
    const recordReceipts: MetadataStore['recordReceipts'] = (of, receipts) => {
      batches.push(receipts.length);
      return ports.metadataStore.recordReceipts(of, receipts);
    };
    const held = Promise.withResolvers<readonly string[]>();
    await start({ metadataStore: metadataStoreWith({ recordReceipts, tenants: () => held.promise }) });
    await until(async () => (await lag()) === 0);
    expect(batches).toEqual([4]);
    const letters = await ports.eventBus.deadLetters(systemScope(ALL_TENANTS), INGEST_TOPIC, 'indexer');
    expect(letters.map(({ event, reason }) => [event.id, reason])).toEqual([
      ['damaged', 'internal.unexpected: The ingest event is malformed or of another version.'],
      ['unknown', 'No handler knows events of type instance-lost.'],
    ]);
    held.resolve([]);
  });

  it('stops while it starts: the batch under way ends, the rest stays for the next start', async () => {
    await receive(0, 3);
    const batch = Promise.withResolvers<void>();
    const recordReceipts: MetadataStore['recordReceipts'] = async (of, receipts) => {
      batch.resolve();
      return ports.metadataStore.recordReceipts(of, receipts);
    };
    await start({ metadataStore: metadataStoreWith({ recordReceipts }) });
    await batch.promise;
    await app!.close();
    await receive(3, 4);
    await start();
    await until(async () => (await lag()) === 0);
    expect(await indexed()).toBe(4);
  });
});

async function passes({ check }: ReadinessCheck): Promise<boolean> {
  return check().then(
    () => true,
    () => false,
  );
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
