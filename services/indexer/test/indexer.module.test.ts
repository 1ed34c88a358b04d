import 'reflect-metadata';
import { join } from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IngestPipeline, JournalWriter } from '@cairn/archive';
import { UlidFactory, silentLogger, systemScope } from '@cairn/core';
import { SqliteEventBus } from '@cairn/event-bus/sqlite';
import { SqliteMetadataStore } from '@cairn/metadata-store/sqlite';
import { FilesystemObjectStore } from '@cairn/object-store/filesystem';
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
  let app: INestApplicationContext | undefined;
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

  const start = async (more: Partial<IndexerPorts> = {}): Promise<IndexingService> => {
    app = await NestFactory.createApplicationContext(IndexerModule.forRoot({}, { ...ports, ...more }), { logger: false });
    return app.get(IndexingService);
  };
  const receive = async (from: number, to: number): Promise<void> => {
    for (const instance of study.instances.slice(from, to)) {
      const outcome = await pipeline.receive(scope, { source: { protocol: 'stow' } }, once(instance.bytes()));
      expect(outcome.kind).toBe('stored');
    }
  };
  const indexed = async (): Promise<number> => (await ports.metadataStore.study(scope, study.studyInstanceUid))?.numberOfInstances ?? 0;

  it('is ready only when everything stored before is indexed, and indexes what comes then', async () => {
    await receive(0, 2);
    const service = await start();
    expect((await service.status()).ready).toBe(false);
    await until(async () => (await service.status()).ready);
    expect(await indexed()).toBe(2);
    await receive(2, 4);
    await until(async () => (await indexed()) === 4);
    await until(async () => (await service.status()).lag === 0);
  });

  it('waits for a store that does not answer at start', async () => {
    let calls = 0;
    const tenants = async (): Promise<readonly string[]> => {
      calls += 1;
      if (calls === 1) throw new Error('not yet');
      return [];
    };
    const metadataStore = Object.assign(Object.create(ports.metadataStore) as SqliteMetadataStore, { tenants });
    const methods = ['getMark', 'setMark', 'knownReceipts', 'applyFacts', 'recordReceipts'] as const;
    for (const name of methods) Object.assign(metadataStore, { [name]: ports.metadataStore[name].bind(ports.metadataStore) });
    const service = await start({ metadataStore });
    await until(async () => (await service.status()).ready);
    expect(calls).toBe(2);
  });

  it('stops while it starts, and leaves unfinished work to the next start', async () => {
    await start();
    await app?.close();
    await receive(0, 3);
    const service = await start();
    await until(async () => (await service.status()).ready);
    expect(await indexed()).toBe(3);
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
