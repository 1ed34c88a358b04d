import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { systemScope } from '@cairn/core';
import { UploadBudget } from '@cairn/object-store/s3';
import type { S3ObjectStore } from '@cairn/object-store/s3';
import { FaultProxy } from '@cairn/testing';
import type { LinkState } from '@cairn/testing';
import { S3_PRODUCTS, openStore, s3Server } from './s3-servers.ts';

jest.setTimeout(60_000);
const scope = systemScope('one');
const KEY = 'landing/one/h/a.dcm';
const MIB = 1024 * 1024;
const POOR: readonly LinkState[] = [
  { kind: 'open', latencyMs: 20 },
  { kind: 'open', bytesPerSecond: 1_000_000 },
  { kind: 'open', sliceBytes: 100 },
];
const BROKEN: readonly LinkState[] = [
  { kind: 'stalled' },
  { kind: 'half-open', lost: 'requests' },
  { kind: 'half-open', lost: 'answers' },
  { kind: 'reset' },
  { kind: 'open', resetAfterBytes: 50 },
];

for (const product of S3_PRODUCTS) {
  const server = await s3Server(product);
  if (server?.ours !== true) {
    describe(`case 139: S3ObjectStore over a link, on ${product}`, () => it.skip(`needs ${product}`, () => undefined));
    continue;
  }

  describe(`case 139: S3ObjectStore over a link with faults, on ${product}`, () => {
    let proxy: FaultProxy;
    let store: S3ObjectStore;
    let budget: UploadBudget;

    beforeEach(async () => {
      proxy = await FaultProxy.start(server.addressForProxy);
      budget = new UploadBudget(64 * MIB);
      const endpoint = `http://${proxy.address}`;
      store = await openStore(server, { endpoint, requestTimeoutMs: 1000, maxAttempts: 2, uploadBudget: budget });
    });

    afterEach(async () => {
      await store.close();
      await proxy.close();
    });

    afterAll(() => server.stop());

    it.each(POOR)('keeps objects over one that is poor: %j', async (state) => {
      proxy.set(state);
      await store.put(scope, KEY, zeros(300_000));
      expect(await sizeRead(store)).toBe(300_000);
    });

    it.each(BROKEN)('refuses puts over one that is broken, holds no memory, and comes back by itself: %j', async (state) => {
      const unavailable = { code: 'object-store.unavailable', retriable: true };
      await store.put(scope, 'landing/one/h/b.dcm', zeros(10));
      proxy.set(state);
      const calls = [
        store.put(scope, KEY, zeros(300_000)),
        store.put(scope, `${KEY}2`, zeros(17 * MIB)),
        sizeRead(store),
        store.check(scope),
      ];
      for (const call of await Promise.allSettled(calls)) expect(call).toMatchObject({ status: 'rejected', reason: unavailable });
      expect(budget.usedBytes).toBe(0);
      proxy.set({ kind: 'open' });
      await store.put(scope, 'landing/one/h/c.dcm', zeros(300_000));
      expect(await sizeRead(store, 'landing/one/h/c.dcm')).toBe(300_000);
      expect(await sizeRead(store, 'landing/one/h/b.dcm')).toBe(10);
    });
  });
}

async function* zeros(sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < sizeBytes; sent += MIB) yield Buffer.alloc(Math.min(MIB, sizeBytes - sent));
}

async function sizeRead(store: S3ObjectStore, key = KEY): Promise<number> {
  let sizeBytes = 0;
  for await (const chunk of (await store.get(scope, key)).chunks) sizeBytes += chunk.length;
  return sizeBytes;
}
