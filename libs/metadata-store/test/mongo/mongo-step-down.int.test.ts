import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CairnError, systemScope } from '@cairn/core';
import type { MetadataStore } from '@cairn/metadata-store';
import { aReceipt, collect, ulidOf } from '@cairn/metadata-store/contract';
import { MongoMetadataStore } from '@cairn/metadata-store/mongo';
import mongoose from 'mongoose';
import { RECEIPTS, STEPS, everythingOf } from '../disagreement.ts';
import { bySqlite, comparable, take } from './by-sqlite.ts';
import { dropDatabase, mongoServer, newDatabase, openStore } from './mongo-server.ts';
import { StepDownProxy } from './step-down-proxy.ts';
import type { StepDownFault } from './step-down-proxy.ts';

jest.setTimeout(120_000);
const server = await mongoServer();
const FAULTS: readonly StepDownFault[] = [
  { error: 10_107 },
  { error: 189 },
  { error: 91 },
  { concern: 91, labelled: true },
  { concern: 189, labelled: false },
  'cut-before',
  'cut-after',
];
const MOST_TRIES = 20;
const LANES = 3;

if (server === undefined) describe('MongoMetadataStore', () => it.skip('needs a server of the MongoDB protocol', () => undefined));
else {
  const database = newDatabase();
  let direct: MetadataStore;

  beforeAll(async () => {
    direct = await openStore(server, database);
  });

  afterAll(async () => {
    await direct.close();
    await dropDatabase(server, database);
    await server.stop();
  });

  describe('case 116: a primary that steps down, for the client', () => {
    let lanes: Lane[];
    let expected: unknown;
    let tenants = 0;

    beforeAll(async () => {
      expected = await bySqlite(systemScope('default'));
    });

    beforeEach(async () => {
      lanes = await Promise.all(Array.from({ length: LANES }, () => openLane(server.address, database)));
    });

    afterEach(() => Promise.all(lanes.map(closeLane)));

    /** Does all steps, the fault befalling so many commands from the given one on. */
    async function disturbed({ proxy, store }: Lane, fault: StepDownFault, { from, times }: { from: number; times: number }) {
      const scope = systemScope(`t${tenants++}`);
      let at = 0;
      proxy.rule = () => (at++ >= from && at <= from + times ? fault : undefined);
      await insist(() => take(store, scope, STEPS));
      proxy.rule = () => undefined;
      return comparable(await everythingOf(direct, scope));
    }

    describe.each(FAULTS.map((fault) => [JSON.stringify(fault), fault] as const))('%s', (_, fault) => {
      it.each([1, 4])('%d times, at each command in turn: everything is written exactly once in the end', async (times) => {
        const { proxy, store } = lanes[0]!;
        await take(store, systemScope(`t${tenants++}`), STEPS);
        const commands = proxy.seen.length;
        expect(commands).toBeGreaterThan(15);
        await Promise.all(
          lanes.map(async (lane, index) => {
            for (let from = index * times; from < commands; from += LANES * times) {
              expect([from, await disturbed(lane, fault, { from, times })]).toEqual([from, expected]);
            }
          }),
        );
      });
    });

    it('a write concern that failed is not hidden by duplicate keys beside it', async () => {
      const { proxy, store } = lanes[0]!;
      const scope = systemScope(`t${tenants++}`);
      await take(store, scope, STEPS);
      proxy.rule = (command) => (command === 'insert' ? { concern: 91, labelled: false } : undefined);
      await expect(store.recordReceipts(scope, RECEIPTS)).rejects.toMatchObject({ code: 'metadata-store.unavailable', retriable: true });
      proxy.rule = () => undefined;
      const outcomes = await store.recordReceipts(scope, RECEIPTS);
      expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['redelivered']));
      expect(comparable(await everythingOf(direct, scope))).toEqual(expected);
    });

    it('again and again while several processes write: nothing acknowledged is lost, counters equal a recount', async () => {
      const scope = systemScope(`t${tenants++}`);
      let number = 0;
      let writing = true;
      const writers = lanes.map(async ({ store }) => {
        try {
          while (writing) {
            const batch = [aReceipt(number++), aReceipt(number++, { study: '1.2.2' })];
            await insist(() => store.recordReceipts(scope, batch));
          }
        } finally {
          writing = false;
        }
      });
      for (let stepDown = 0; stepDown < 10; stepDown++) {
        const reached = number + 12;
        while (writing && number < reached) await new Promise((resolve) => setTimeout(resolve, 5));
        for (const { proxy } of lanes) {
          let refused = 5;
          proxy.rule = () => (refused-- > 0 ? { error: 10_107 } : undefined);
          proxy.cutAll();
        }
      }
      writing = false;
      await Promise.all(writers);
      const sent = Array.from({ length: number }, (_, index) => ulidOf(index));
      expect(await direct.knownReceipts(scope, sent)).toEqual(new Set(sent));
      for (const study of ['1.2.1', '1.2.2']) {
        expect(await direct.study(scope, study)).toMatchObject({
          numberOfInstances: number / 2,
          sizeBytes: (number / 2) * aReceipt(0).sizeBytes,
        });
        expect(await collect(direct.instances(scope, { studyInstanceUid: study }, {}))).toHaveLength(number / 2);
      }
    });
  });

  (server.ours ? describe.skip : describe)('case 116: a real primary that steps down', () => {
    it('takes a batch again once there is a primary, and has what was acknowledged before', async () => {
      const scope = systemScope('real');
      await direct.recordReceipts(scope, [aReceipt(0)]);
      const admin = await mongoose.createConnection(server.address).asPromise();
      await admin
        .getClient()
        .db('admin')
        .command({ replSetStepDown: 10, force: true })
        .catch((error: unknown) => expect(error).toBeInstanceOf(mongoose.mongo.MongoNetworkError));
      await admin.close();
      await insist(() => direct.recordReceipts(scope, [aReceipt(1)]));
      expect(await direct.study(scope, '1.2.1')).toMatchObject({ numberOfInstances: 2 });
    });
  });
}

/** One process that writes, by a proxy of its own. */
interface Lane {
  proxy: StepDownProxy;
  store: MetadataStore;
}

async function openLane(address: string, database: string): Promise<Lane> {
  const proxy = await StepDownProxy.start(address);
  const store = await MongoMetadataStore.open({ uri: proxy.uriOf(address), database });
  proxy.seen.length = 0;
  return { proxy, store };
}

async function closeLane({ proxy, store }: Lane): Promise<void> {
  proxy.rule = () => undefined;
  await store.close();
  await proxy.close();
}

/** A call until it succeeds; in between nothing but that the database is unavailable. */
async function insist<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call();
    } catch (error) {
      if (!CairnError.is(error, 'metadata-store.unavailable') || tries === MOST_TRIES) throw error;
      expect(error.retriable).toBe(true);
    }
  }
}
