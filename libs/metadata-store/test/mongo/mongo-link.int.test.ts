import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { systemScope } from '@cairn/core';
import type { MetadataStore } from '@cairn/metadata-store';
import { aReceipt, collect, ulidOf } from '@cairn/metadata-store/contract';
import { MongoMetadataStore } from '@cairn/metadata-store/mongo';
import { FaultProxy } from '@cairn/testing';
import type { LinkState } from '@cairn/testing';
import { dropDatabase, mongoServer, newDatabase, openStore } from './mongo-server.ts';

jest.setTimeout(60_000);
const server = await mongoServer();
const scope = systemScope('default');
const POOR: readonly LinkState[] = [
  { kind: 'open', latencyMs: 20 },
  { kind: 'open', bytesPerSecond: 100_000 },
  { kind: 'open', sliceBytes: 7 },
];
const BROKEN: readonly LinkState[] = [
  { kind: 'stalled' },
  { kind: 'half-open', lost: 'requests' },
  { kind: 'half-open', lost: 'answers' },
  { kind: 'reset' },
  { kind: 'open', resetAfterBytes: 100 },
];

if (server?.ours !== true) describe('MongoMetadataStore', () => it.skip('needs a server of the MongoDB protocol', () => undefined));
else {
  describe('case 139: the index over a link with faults', () => {
    let database: string;
    let proxy: FaultProxy;
    let store: MetadataStore;

    beforeEach(async () => {
      database = newDatabase();
      proxy = await FaultProxy.start(server.addressForProxy);
      store = await MongoMetadataStore.open({
        uri: `mongodb://${proxy.address}/?directConnection=true`,
        database,
        serverSelectionTimeoutMs: 1000,
        socketTimeoutMs: 1000,
      });
      await store.recordReceipts(scope, [aReceipt(0)]);
    });

    afterEach(async () => {
      await store.close();
      await proxy.close();
      await dropDatabase(server, database);
    });

    afterAll(() => server.stop());

    it.each(POOR)('is written and read over one that is poor: %j', async (state) => {
      proxy.set(state);
      await store.recordReceipts(scope, [aReceipt(1)]);
      expect(await store.study(scope, '1.2.1')).toMatchObject({ numberOfInstances: 2, representative: ulidOf(0) });
    });

    it('case 128: what a process wrote before its link stalled, and arrives after others wrote, changes nothing of theirs', async () => {
      const others = await openStore(server, database);
      const late = Array.from({ length: 20 }, (_, index) => store.recordReceipts(scope, [aReceipt(10 + index)]));
      await Promise.race(late);
      proxy.set({ kind: 'stalled' });
      const refused = (await Promise.allSettled(late)).flatMap((call) => (call.status === 'rejected' ? [call.reason] : []));
      for (const reason of refused) expect(reason).toMatchObject({ code: 'metadata-store.unavailable', retriable: true });
      expect(refused.length).toBeGreaterThan(0);
      await others.recordReceipts(scope, [aReceipt(1), aReceipt(2, { content: 'changed', sop: aReceipt(0).sopInstanceUid })]);
      proxy.set({ kind: 'open' });
      await store.check(scope);
      // Whatever part of the late writes came through, the same receipts again complete it, and every count is right.
      await others.recordReceipts(
        scope,
        Array.from({ length: 20 }, (_, index) => aReceipt(10 + index)),
      );
      expect(await others.study(scope, '1.2.1')).toMatchObject({ numberOfInstances: 22, representative: ulidOf(1) });
      expect(await collect(others.instances(scope, { studyInstanceUid: '1.2.1' }, {}))).toHaveLength(22);
      await others.close();
    });

    it.each(BROKEN)('is unavailable over one that is broken, and comes back by itself: %j', async (state) => {
      const unavailable = { code: 'metadata-store.unavailable', retriable: true };
      proxy.set(state);
      const calls = [store.recordReceipts(scope, [aReceipt(1)]), store.study(scope, '1.2.1'), store.check(scope)];
      for (const call of await Promise.allSettled(calls)) expect(call).toMatchObject({ status: 'rejected', reason: unavailable });
      proxy.set({ kind: 'open' });
      await store.recordReceipts(scope, [aReceipt(1)]);
      expect(await store.study(scope, '1.2.1')).toMatchObject({ numberOfInstances: 2, representative: ulidOf(0) });
    });
  });
}
