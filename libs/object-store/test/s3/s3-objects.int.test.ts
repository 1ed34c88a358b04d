import {
  CreateBucketCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  ListObjectsV2Command,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CairnError, systemScope } from '@cairn/core';
import { S3ObjectStore } from '@cairn/object-store/s3';
import type { S3ObjectStoreOptions } from '@cairn/object-store/s3';
import { documentedProduct } from '@cairn/testing';
import { randomUUID } from 'node:crypto';
import { Bucket } from '../../src/s3/bucket.ts';
import { copyObject } from '../../src/s3/object-copier.ts';
import { newPutId } from '../../src/s3/object-record.ts';
import { createS3Client } from '../../src/s3/s3-options.ts';
import { S3_PRODUCTS, s3Server, storeOptions } from './s3-servers.ts';

const scope = systemScope('one');
const KEY = 'landing/one/h/a.dcm';
const MIB = 1024 * 1024;
const PRODUCT_NAMES = { seaweedfs: 'SeaweedFS', versitygw: 'versitygw' } as const;

for (const product of S3_PRODUCTS) {
  const server = await s3Server(product);
  if (server === undefined) {
    describe(`S3ObjectStore's objects on ${product}`, () => it.skip(`needs ${product}`, () => undefined));
    continue;
  }

  describe(`S3ObjectStore's objects on ${product}`, () => {
    let options: S3ObjectStoreOptions;
    let store: S3ObjectStore;
    let direct: S3Client;

    beforeEach(async () => {
      options = storeOptions(server);
      store = await S3ObjectStore.open(options);
      direct = createS3Client(options);
    });

    afterEach(async () => {
      await store.close();
      direct.destroy();
    });

    afterAll(() => server.stop());

    async function keys(): Promise<string[]> {
      const answer = await direct.send(new ListObjectsV2Command({ Bucket: options.bucket, Prefix: options.prefix }));
      return (answer.Contents ?? []).map(({ Key }) => Key!.slice(options.prefix!.length));
    }

    it('has the capabilities that are documented', () => {
      expect(documentedProduct(PRODUCT_NAMES[product])).toMatchObject({ ...store.capabilities });
    });

    it('case 99: 16 parallel sources of the same bytes, each under its own key: all succeed, all are whole', async () => {
      const names = Array.from({ length: 16 }, (_, index) => `landing/one/h/${index}.dcm`);
      await Promise.all(names.map((key) => store.put(scope, key, bytes('same'))));
      for (const key of names) expect(await text(store, key)).toBe('same');
      expect((await keys()).length).toBe(16);
    });

    it('case 99: 16 parallel puts of one key by two processes: exactly one object, the others are told so', async () => {
      const second = await S3ObjectStore.open(options);
      const puts = Array.from({ length: 16 }, (_, index) => (index % 2 === 0 ? store : second).put(scope, KEY, bytes('same')));
      const results = await Promise.allSettled(puts);
      const refusals = results.flatMap((result) => (result.status === 'rejected' ? [(result.reason as CairnError).code] : []));
      expect(refusals).toEqual(Array(15).fill('object-store.already-exists'));
      expect(await text(store, KEY)).toBe('same');
      await second.close();
    });

    it('attributes too long for metadata, and those of a multipart upload, lie in a companion that goes with the object', async () => {
      const long = { text: 'ü'.repeat(900) };
      await store.put(scope, KEY, bytes('abc'), { attributes: () => long });
      await store.put(scope, 'packs/one/s/1.tar', zeros(17), { attributes: () => ({ n: '1' }) });
      expect((await keys()).filter((key) => key.startsWith('~attributes/one/'))).toHaveLength(2);
      expect((await store.head(scope, KEY))?.attributes).toEqual(long);
      expect((await store.head(scope, 'packs/one/s/1.tar'))?.attributes).toEqual({ n: '1' });
      await store.copy(scope, KEY, 'landing/one/h/b.dcm');
      await store.delete(scope, KEY);
      expect((await store.head(scope, 'landing/one/h/b.dcm'))?.attributes).toEqual(long);
      await store.delete(scope, 'landing/one/h/b.dcm');
      await store.delete(scope, 'packs/one/s/1.tar');
      expect(await keys()).toEqual([]);
    });

    it('copies in parts what is too long for one request', async () => {
      await store.put(scope, KEY, zeros(17), { attributes: () => ({ n: '1' }) });
      const bucket = new Bucket({ client: direct, bucket: options.bucket, prefix: options.prefix!, maxAttempts: 2 });
      const record = { putId: newPutId(), attributes: { n: '2' } };
      await copyObject(bucket, { key: KEY, object: (await bucket.head(KEY))! }, { key: 'kept/one/a', record }, 6 * MIB);
      expect(await store.head(scope, 'kept/one/a')).toEqual({ key: 'kept/one/a', sizeBytes: 17 * MIB, attributes: { n: '2' } });
      expect((await text(store, 'kept/one/a')).length).toBe(17 * MIB);
    });

    it.each([10, 3 * MIB])('tells bytes that differ from their SHA-256, of %i bytes', async (sizeBytes) => {
      await store.put(scope, KEY, bytes('x'.repeat(sizeBytes)));
      const target = { Bucket: options.bucket, Key: options.prefix! + KEY };
      const { Metadata } = await direct.send(new HeadObjectCommand(target));
      const damaged = Buffer.alloc(sizeBytes, 'y');
      await direct.send(new PutObjectCommand({ ...target, Body: damaged, ...(Metadata === undefined ? {} : { Metadata }) }));
      await expectCode(text(store, KEY), 'object-store.digest-mismatch');
      const unchecked = await S3ObjectStore.open({ ...options, responseChecksums: 'when-required' });
      expect(await text(unchecked, KEY)).toHaveLength(sizeBytes);
      await unchecked.close();
    });

    it('reads what another program put', async () => {
      await direct.send(new PutObjectCommand({ Bucket: options.bucket, Key: options.prefix! + KEY, Body: 'foreign' }));
      expect(await text(store, KEY)).toBe('foreign');
      expect(await store.head(scope, KEY)).toEqual({ key: KEY, sizeBytes: 7, attributes: {} });
    });

    it('case 100: in a bucket with versions nothing is put over, and nothing but the very version is deleted', async () => {
      const bucket = `versions-${randomUUID()}`;
      await direct.send(new CreateBucketCommand({ Bucket: bucket }));
      await direct.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }));
      const versioned = await S3ObjectStore.open({ ...options, bucket, prefix: '' });
      expect(versioned.capabilities.versioning).toBe('yes');
      await versioned.put(scope, KEY, bytes('old'));
      await versioned.put(scope, 'landing/one/h/b.dcm', bytes('new'));
      const again = Array.from({ length: 4 }, (_, index) =>
        expectCode(versioned.put(scope, KEY, bytes(`${index}`)), 'object-store.already-exists'),
      );
      await Promise.all(again);
      expect(await text(versioned, KEY)).toBe('old');
      await versioned.delete(scope, KEY);
      await versioned.put(scope, KEY, bytes('again'));
      const { Versions = [], DeleteMarkers = [] } = await direct.send(new ListObjectVersionsCommand({ Bucket: bucket }));
      expect(DeleteMarkers).toEqual([]);
      expect(Versions.map(({ Key }) => Key)).toEqual([KEY, 'landing/one/h/b.dcm']);
      expect(await text(versioned, 'landing/one/h/b.dcm')).toBe('new');
      await versioned.close();
    });

    it('refuses a bucket that does not exist, and one of another account', async () => {
      await expectCode(S3ObjectStore.open({ ...options, bucket: 'no-such-bucket', createBucket: false }), 'object-store.unavailable');
      const credentials = { accessKeyId: 'wrong', secretAccessKey: 'wrong-secret' };
      await expectCode(S3ObjectStore.open({ ...options, credentials }), 'object-store.unavailable');
    });

    it('keeps every acknowledged object over a kill -9 of the server', async () => {
      if (!server.ours) return;
      await store.close();
      store = await S3ObjectStore.open({ ...options, maxAttempts: 1 });
      const acknowledged: string[] = [];
      const writing = Promise.allSettled(
        Array.from({ length: 8 }, async (_, writer) => {
          for (let index = 0; ; index++) {
            const key = `landing/one/h/${writer}-${index}.dcm`;
            await store.put(scope, key, bytes(key.repeat(1_000)));
            acknowledged.push(key);
          }
        }),
      );
      while (acknowledged.length < 40) await new Promise((resolve) => setTimeout(resolve, 10));
      await server.kill9();
      await store.close();
      await writing;
      await server.restart();
      store = await S3ObjectStore.open(options);
      for (const key of acknowledged) expect(await text(store, key)).toBe(key.repeat(1_000));
    });
  });
}

async function* bytes(content: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(content);
}

async function* zeros(mebibytes: number): AsyncGenerator<Uint8Array> {
  for (let count = 0; count < mebibytes; count++) yield Buffer.alloc(MIB);
}

async function text(store: S3ObjectStore, key: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await store.get(scope, key)).chunks) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function expectCode(work: Promise<unknown>, code: string): Promise<void> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(CairnError.is(error) ? error.code : error).toBe(code);
}
