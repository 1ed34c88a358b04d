import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { systemScope } from '@cairn/core';
import type { MetadataStore } from '@cairn/metadata-store';
import { aReceipt, collect, ulidOf } from '@cairn/metadata-store/contract';
import { MongoMetadataStore } from '@cairn/metadata-store/mongo';
import fc from 'fast-check';
import mongoose from 'mongoose';
import { RECEIPTS, STEPS, everythingOf, inBatches } from '../disagreement.ts';
import { bySqlite, comparable, take } from './by-sqlite.ts';
import { dropDatabase, mongoServer, newDatabase, openStore } from './mongo-server.ts';

jest.setTimeout(60_000);
const server = await mongoServer();
const scope = systemScope('default');

if (server === undefined) describe('MongoMetadataStore', () => it.skip('needs a server of the MongoDB protocol', () => undefined));
else {
  afterAll(() => server.stop());

  describe('several processes that write one index', () => {
    const database = newDatabase();
    let stores: MetadataStore[];
    let expected: unknown;

    beforeAll(async () => {
      stores = await Promise.all([1, 2, 3].map(() => openStore(server, database)));
      expected = await bySqlite(scope);
    });

    afterAll(async () => {
      await Promise.all(stores.map((store) => store.close()));
      await dropDatabase(server, database);
    });

    it('make the same documents as one process with SQLite, whatever they do at the same time and again (cases 112, 117)', async () => {
      const repeated = fc.array(fc.constantFrom(...STEPS), { maxLength: 8 });
      const order = repeated.chain((again) => fc.shuffledSubarray([...STEPS, ...again], { minLength: STEPS.length + again.length }));
      const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 30, maxLength: 30 });
      await fc.assert(
        fc.asyncProperty(order, sizes, async (steps, batchSizes) => {
          await stores[0]!.clear(scope);
          const batches = inBatches(steps, batchSizes);
          await Promise.all(
            stores.map(async (store, index) => {
              for (const batch of batches.filter((_, number) => number % stores.length === index)) await take(store, scope, batch);
            }),
          );
          expect(comparable(await everythingOf(stores[0]!, scope))).toEqual(expected);
        }),
        { numRuns: 15 },
      );
    });

    it('complete what a process left undone when its receipts come again (case 98)', async () => {
      await stores[0]!.clear(scope);
      for (const step of STEPS) await take(stores[0]!, scope, [step]);
      const connection = await mongoose.createConnection(server.address, { dbName: database }).asPromise();
      for (const name of ['series', 'studies', 'patients', 'claims']) await connection.collection(name).deleteMany({});
      await connection.collection('instances').updateMany({}, { $unset: { derived: 1, present: 1, order: 1, current: 1 } });
      await connection.close();
      const outcomes = await stores[1]!.recordReceipts(scope, RECEIPTS);
      expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['redelivered']));
      expect(comparable(await everythingOf(stores[0]!, scope))).toEqual(expected);
    });

    it('tell one of them that an instance is new', async () => {
      await stores[0]!.clear(scope);
      const batches = stores.map((_, index) => Array.from({ length: 20 }, (__, sop) => aReceipt(100 * index + sop, { sop: `9.${sop}` })));
      const outcomes = (await Promise.all(stores.map((store, index) => store.recordReceipts(scope, batches[index]!)))).flat();
      expect(outcomes.filter(({ outcome }) => outcome === 'new')).toHaveLength(20);
      expect(outcomes.filter(({ outcome }) => outcome === 'duplicate')).toHaveLength(40);
      expect(await stores[0]!.study(scope, '1.2.1')).toMatchObject({ numberOfInstances: 20, representative: ulidOf(0) });
    });
  });

  describe('a database that cannot be reached', () => {
    it('is told as such', async () => {
      const opening = MongoMetadataStore.open({ uri: 'mongodb://127.0.0.1:1/?replicaSet=none', serverSelectionTimeoutMs: 100 });
      await expect(opening).rejects.toMatchObject({ code: 'metadata-store.unavailable', retriable: true });
    });

    it('is told by a closed store too', async () => {
      const database = newDatabase();
      const store = await openStore(server, database);
      await store.close();
      await expect(store.check(scope)).rejects.toMatchObject({ code: 'metadata-store.unavailable' });
      await expect(collect(store.exportDocuments(scope))).rejects.toMatchObject({ code: 'metadata-store.unavailable' });
    });
  });
}
