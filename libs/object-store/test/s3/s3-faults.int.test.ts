import { AbortMultipartUploadCommand, ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CairnError, systemScope } from '@cairn/core';
import { S3ObjectStore, UploadBudget } from '@cairn/object-store/s3';
import type { S3ObjectStoreOptions } from '@cairn/object-store/s3';
import { createS3Client } from '../../src/s3/s3-options.ts';
import { first, startFaultProxy } from './fault-proxy.ts';
import type { Fault, FaultProxy, Operation } from './fault-proxy.ts';
import { S3_PRODUCTS, s3Server, storeOptions } from './s3-servers.ts';

const scope = systemScope('one');
const KEY = 'landing/one/h/a.dcm';
const MIB = 1024 * 1024;
const FAULTS: [string, Fault][] = [
  ['500', { status: 500 }],
  ['503', { status: 503, code: 'SlowDown' }],
  ['reset', 'reset'],
  ['lost answer', 'lose-answer'],
  ['stall', 'stall'],
];
/** Requests that get no answer are given up after this time, in the tests that need it. */
const SHORT_TIMEOUT_MS = 1_500;
const SMALL: Operation[] = ['put'];
const BIG: Operation[] = ['create', 'part', 'complete'];

for (const product of S3_PRODUCTS) {
  const server = await s3Server(product);
  if (server === undefined) {
    describe(`S3ObjectStore over faults, on ${product}`, () => it.skip(`needs ${product}`, () => undefined));
    continue;
  }

  describe(`S3ObjectStore over faults, on ${product}`, () => {
    let proxy: FaultProxy;
    let options: S3ObjectStoreOptions;
    let store: S3ObjectStore;
    let budget: UploadBudget;
    let direct: S3Client;

    beforeEach(async () => {
      proxy = await startFaultProxy(server.address);
      budget = new UploadBudget(64 * MIB);
      options = storeOptions(server, { endpoint: proxy.endpoint, requestTimeoutMs: 10_000, uploadBudget: budget });
      store = await S3ObjectStore.open(options);
      direct = createS3Client({ ...options, endpoint: server.address });
      proxy.seen.length = 0;
    });

    afterEach(async () => {
      proxy.rule = () => undefined;
      await store.close();
      direct.destroy();
      await proxy.close();
    });

    afterAll(() => server.stop());

    async function reopen(changes: Partial<S3ObjectStoreOptions>): Promise<void> {
      await store.close();
      store = await S3ObjectStore.open({ ...options, ...changes });
      proxy.seen.length = 0;
    }

    /** Keys that exist in this store's part of the bucket, those of companions too. */
    async function keys(): Promise<string[]> {
      const answer = await direct.send(new ListObjectsV2Command({ Bucket: options.bucket, Prefix: options.prefix }));
      return (answer.Contents ?? []).map(({ Key }) => Key!.slice(options.prefix!.length));
    }

    async function openUploads(): Promise<number> {
      const { Uploads = [] } = await direct.send(new ListMultipartUploadsCommand({ Bucket: options.bucket, Prefix: options.prefix }));
      return Uploads.filter(({ Key }) => Key!.startsWith(options.prefix!)).length;
    }

    describe('case 97: errors, timeouts and resets at put, part and complete', () => {
      const rows = FAULTS.flatMap(([name, fault]) => [
        ...SMALL.map((operation) => ({ name, fault, operation, sizeBytes: 300_000 })),
        ...(name === '500' ? [] : BIG.map((operation) => ({ name, fault, operation, sizeBytes: 17 * MIB }))),
      ]);
      const lasting = rows.filter(({ name }) => name === '503' || name === 'reset');

      it.each(rows)('$name at $operation: tried again, stored once', async ({ fault, operation, sizeBytes }) => {
        if (fault === 'stall') await reopen({ requestTimeoutMs: SHORT_TIMEOUT_MS });
        proxy.rule = first(1, operation, fault);
        const content = contentOf(sizeBytes);
        await store.put(scope, KEY, pieces(content), { attributes: () => ({ n: '1' }) });
        expect(proxy.seen.filter((seen) => seen === operation).length).toBeGreaterThan(1);
        proxy.rule = () => undefined;
        expect((await read(store)).equals(content)).toBe(true);
        expect(await store.head(scope, KEY)).toEqual({ key: KEY, sizeBytes, attributes: { n: '1' } });
        expect((await keys()).filter((key) => key.startsWith('landing/'))).toEqual([KEY]);
        expect(budget.usedBytes).toBe(0);
      });

      it.each(lasting)('$name at $operation for good: no success, nothing left', async ({ fault, operation, sizeBytes }) => {
        await reopen({ maxAttempts: 2 });
        proxy.rule = first(Number.POSITIVE_INFINITY, operation, fault);
        await expectCode(store.put(scope, KEY, pieces(contentOf(sizeBytes))), 'object-store.unavailable');
        expect((await keys()).filter((key) => key.startsWith('landing/'))).toEqual([]);
        expect(await openUploads()).toBe(0);
        expect(budget.usedBytes).toBe(0);
      });

      it('a source that fails in the third part: the upload is aborted, its companion absent', async () => {
        const fault = new Error('association lost');
        async function* failing(): AsyncGenerator<Uint8Array> {
          yield contentOf(40 * MIB);
          throw fault;
        }
        await expect(store.put(scope, KEY, failing())).rejects.toBe(fault);
        expect(proxy.seen).toContain('abort');
        expect(await openUploads()).toBe(0);
        expect(await keys()).toEqual([]);
        expect(budget.usedBytes).toBe(0);
      });

      it('an unreachable store: refused as retriable, and again open when it is back', async () => {
        await reopen({ maxAttempts: 2 });
        proxy.rule = () => 'reset';
        await expectCode(store.put(scope, KEY, pieces(contentOf(10))), 'object-store.unavailable');
        await expectCode(store.check(scope), 'object-store.unavailable');
        proxy.rule = () => undefined;
        await store.check(scope);
        await store.put(scope, KEY, pieces(contentOf(10)));
      });
    });

    describe('case 98: the answer to a put that succeeded is lost', () => {
      it.each([
        ['put', 300_000],
        ['complete', 17 * MIB],
      ] as const)('%s: what is there is recognised by its identity', async (operation, sizeBytes) => {
        proxy.rule = first(1, operation, 'lose-answer');
        const content = contentOf(sizeBytes);
        await expect(store.put(scope, KEY, pieces(content))).resolves.toEqual({ sizeBytes });
        expect((await read(store)).equals(content)).toBe(true);
        await expectCode(store.put(scope, KEY, pieces(content)), 'object-store.already-exists');
      });

      it('an object of another put under the key is never taken for the own one, even with equal bytes', async () => {
        await store.put(scope, KEY, pieces(contentOf(10)), { attributes: () => ({ n: 'first' }) });
        proxy.rule = first(1, 'put', 'reset');
        const again = store.put(scope, KEY, pieces(contentOf(10)), { attributes: () => ({ n: 'second' }) });
        await expectCode(again, 'object-store.already-exists');
        expect((await store.head(scope, KEY))?.attributes).toEqual({ n: 'first' });
      });

      it('a conflict with a concurrent put (409) is tried again', async () => {
        proxy.rule = first(1, 'put', { status: 409, code: 'ConditionalRequestConflict' });
        await store.put(scope, KEY, pieces(contentOf(10)));
        expect(await keys()).toEqual([KEY]);
      });
    });

    describe('reads', () => {
      it.each([
        ['breaks off', { cut: 2 * MIB + 5 } as const],
        ['falls silent', { silent: 2 * MIB } as const],
      ])('a body that %s is continued', async (_, fault) => {
        await reopen({ requestTimeoutMs: SHORT_TIMEOUT_MS });
        const content = contentOf(5 * MIB);
        await store.put(scope, KEY, pieces(content));
        proxy.rule = first(1, 'get', fault);
        expect((await read(store)).equals(content)).toBe(true);
        proxy.rule = first(1, 'get', fault);
        expect((await read(store, { start: 1, end: 4 * MIB })).equals(content.subarray(1, 4 * MIB))).toBe(true);
      });

      it('a short body that breaks off is read again', async () => {
        await store.put(scope, KEY, pieces(contentOf(5_000)));
        proxy.rule = first(2, 'get', { cut: 17 });
        expect((await read(store)).equals(contentOf(5_000))).toBe(true);
      });
    });

    it('an upload that was aborted behind its back fails, and leaves nothing', async () => {
      let given = 0;
      async function* source(): AsyncGenerator<Uint8Array> {
        for (; given < 3; given++) {
          yield contentOf(16 * MIB);
          if (given === 1) await abortOpenUploads();
        }
      }
      async function abortOpenUploads(): Promise<void> {
        const { Uploads = [] } = await direct.send(new ListMultipartUploadsCommand({ Bucket: options.bucket, Prefix: options.prefix }));
        for (const { Key, UploadId } of Uploads)
          await direct.send(new AbortMultipartUploadCommand({ Bucket: options.bucket, Key, UploadId }));
      }
      await expect(store.put(scope, KEY, source())).rejects.toThrow();
      expect((await keys()).filter((key) => key.startsWith('landing/'))).toEqual([]);
    });
  });
}

function contentOf(sizeBytes: number): Buffer {
  const content = Buffer.alloc(sizeBytes);
  for (let index = 0; index < sizeBytes; index += 1021) content.writeUInt8((index / 1021) % 251, index);
  return content;
}

async function* pieces(content: Buffer): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < content.length; start += 100_003) yield content.subarray(start, start + 100_003);
}

async function read(store: S3ObjectStore, range?: { start: number; end: number }): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await store.get(scope, KEY, range)).chunks) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function expectCode(work: Promise<unknown>, code: string): Promise<void> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(CairnError.is(error) ? error.code : error).toBe(code);
}
