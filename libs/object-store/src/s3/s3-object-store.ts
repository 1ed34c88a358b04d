import { CreateBucketCommand, HeadBucketCommand } from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { CairnError } from '@cairn/core';
import type { Scope } from '@cairn/core';
import { randomUUID } from 'node:crypto';
import { requireKey, requirePrefix } from '../object-key.ts';
import type { ByteRange, ObjectAttributes, ObjectInfo, ObjectStore, ObjectStoreSupports, PutOptions, PutResult } from '../object-store.ts';
import { Bucket } from './bucket.ts';
import { hashedText } from './hashed-body.ts';
import { KeyQueue } from './key-queue.ts';
import { copyObject } from './object-copier.ts';
import { openObject } from './object-reader.ts';
import type { OpenedObject, ReadSettings } from './object-reader.ts';
import { companionKey, decodeCompanion, decodeRecord, encodeCompanion, fitsMetadata, newPutId } from './object-record.ts';
import type { Companion, ObjectRecord } from './object-record.ts';
import { ObjectWriter } from './object-writer.ts';
import { probeCapabilities } from './s3-capabilities.ts';
import type { S3Capabilities } from './s3-capabilities.ts';
import { isAbsent, storeError } from './s3-errors.ts';
import { DEFAULT_REQUEST_TIMEOUT_MS, createS3Client } from './s3-options.ts';
import type { S3ObjectStoreOptions } from './s3-options.ts';
import { processUploadBudget } from './upload-budget.ts';

const DEFAULT_MAX_ATTEMPTS = 6;
/** Four times the longest receive; an upload this old is what a killed process left. */
const ABANDONED_AFTER_MS = 24 * 60 * 60_000;

/**
 * Objects in a bucket of any S3 product. Puts are create-only by `If-None-Match`; every body is signed with its SHA-256, which is
 * kept with the object and compared when it is read as a whole.
 *
 * @example
 * const store = await S3ObjectStore.open({ bucket: 'cairn', endpoint: 'http://127.0.0.1:9000' });
 * await store.put(systemScope('default'), 'landing/default/2026010112/01H….dcm', chunks);
 */
export class S3ObjectStore implements ObjectStore {
  /** What the product was found to do when the store was opened. */
  readonly capabilities: S3Capabilities;
  readonly supports: ObjectStoreSupports;
  readonly #bucket: Bucket;
  readonly #writer: ObjectWriter;
  readonly #reading: ReadSettings;
  readonly #putsUnderWay = new Set<Promise<unknown>>();
  #closed = false;

  private constructor(bucket: Bucket, capabilities: S3Capabilities, options: S3ObjectStoreOptions) {
    this.#bucket = bucket;
    this.capabilities = capabilities;
    this.supports = { exactCreateOnly: capabilities.conditionalPut === 'yes', byteOrder: capabilities.byteOrder === 'yes' };
    this.#writer = new ObjectWriter({ bucket, budget: options.uploadBudget ?? processUploadBudget, keys: new KeyQueue() });
    const compares = options.responseChecksums !== 'when-required';
    this.#reading = {
      silenceMs: options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS,
      digestOf: async (tenant, metadata) => (compares ? this.#digest(tenant, decodeRecord(metadata)) : undefined),
    };
  }

  /** Connects and probes the product. Not reachable, no such bucket, or not allowed → `object-store.unavailable`. */
  static async open(options: S3ObjectStoreOptions): Promise<S3ObjectStore> {
    const client = createS3Client(options);
    const { bucket: name, prefix = '', maxAttempts = DEFAULT_MAX_ATTEMPTS } = options;
    const bucket = new Bucket({ client, bucket: name, prefix, maxAttempts });
    try {
      await requireBucket(bucket, client, options.createBucket ?? false);
      const capabilities = await probeCapabilities(bucket);
      bucket.createOnly = capabilities.conditionalPut === 'yes';
      bucket.checksums = capabilities.checksums === 'yes' || options.requestChecksums !== 'when-required';
      // Where the account may not list uploads, the bucket's own rule has to remove them.
      await bucket.abortUploadsBefore(new Date(Date.now() - ABANDONED_AFTER_MS)).catch(() => undefined);
      return new S3ObjectStore(bucket, capabilities, options);
    } catch (error) {
      client.destroy();
      throw storeError(error);
    }
  }

  async put(scope: Scope, key: string, source: AsyncIterable<Uint8Array>, options: PutOptions = {}): Promise<PutResult> {
    requireKey(scope, key);
    this.#requireOpen();
    options.signal?.throwIfAborted();
    const result = this.#writer.put(scope.tenant, key, source, options);
    this.#putsUnderWay.add(result);
    try {
      return await result;
    } finally {
      this.#putsUnderWay.delete(result);
    }
  }

  async get(scope: Scope, key: string, range?: ByteRange, signal?: AbortSignal): Promise<OpenedObject> {
    requireKey(scope, key);
    this.#requireOpen();
    return openObject(this.#bucket, { tenant: scope.tenant, key, range }, this.#reading, signal);
  }

  async head(scope: Scope, key: string): Promise<ObjectInfo | undefined> {
    requireKey(scope, key);
    this.#requireOpen();
    const object = await this.#bucket.head(key);
    if (object === undefined) return undefined;
    const { attributes } = await this.#completed(scope.tenant, decodeRecord(object.metadata));
    return { key, sizeBytes: object.sizeBytes, attributes };
  }

  async *list(scope: Scope, prefix: string, after?: string): AsyncIterable<{ key: string; sizeBytes: number }> {
    requirePrefix(scope, prefix);
    this.#requireOpen();
    yield* this.#bucket.list(prefix, after);
  }

  async copy(scope: Scope, from: string, to: string): Promise<void> {
    requireKey(scope, from);
    requireKey(scope, to);
    this.#requireOpen();
    const object = await this.#bucket.head(from);
    if (object === undefined) throw new CairnError('object-store.not-found', 'No object has this key.');
    const { sha256, attributes } = await this.#completed(scope.tenant, decodeRecord(object.metadata));
    const record: ObjectRecord = { putId: newPutId(), ...(sha256 === undefined ? {} : { sha256 }) };
    if (fitsMetadata(attributes)) record.attributes = attributes;
    else await this.#putCompanion(scope.tenant, record.putId, { key: to, sha256: sha256 ?? '', attributes });
    await copyObject(this.#bucket, { key: from, object }, { key: to, record });
  }

  async delete(scope: Scope, key: string): Promise<void> {
    requireKey(scope, key);
    this.#requireOpen();
    const removed = await this.#bucket.remove(key);
    if (removed === undefined) return;
    const record = decodeRecord(removed.metadata);
    if (record.attributes === undefined) await this.#bucket.remove(companionKey(scope.tenant, record.putId));
  }

  async check(_scope: Scope): Promise<void> {
    this.#requireOpen();
    const key = `~probe/${randomUUID()}`;
    await this.#bucket.put(key, hashedText('check'));
    await this.#bucket.remove(key);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#putsUnderWay);
    this.#bucket.client.destroy();
  }

  /** A record with what lies in its companion. */
  async #completed(tenant: string, record: ObjectRecord): Promise<{ sha256?: string; attributes: ObjectAttributes }> {
    const { sha256, attributes } = record;
    if (attributes === undefined) return this.#companion(tenant, record.putId);
    return { attributes, ...(sha256 === undefined ? {} : { sha256 }) };
  }

  async #digest(tenant: string, record: ObjectRecord): Promise<string | undefined> {
    if (record.attributes !== undefined) return record.sha256;
    return (await this.#companion(tenant, record.putId)).sha256;
  }

  async #companion(tenant: string, putId: string): Promise<Companion> {
    const location = { tenant, key: companionKey(tenant, putId), range: undefined };
    const { chunks } = await openObject(this.#bucket, location, { ...this.#reading, digestOf: async () => undefined });
    const pieces: Uint8Array[] = [];
    for await (const chunk of chunks) pieces.push(chunk);
    return decodeCompanion(Buffer.concat(pieces).toString());
  }

  async #putCompanion(tenant: string, putId: string, companion: Companion): Promise<void> {
    await this.#bucket.put(companionKey(tenant, putId), hashedText(encodeCompanion(companion)));
  }

  #requireOpen(): void {
    if (this.#closed) throw new CairnError('object-store.unavailable', 'The object store is closed.', { retriable: true });
  }
}

async function requireBucket(bucket: Bucket, client: S3Client, create: boolean): Promise<void> {
  try {
    await bucket.retries.run(() => client.send(new HeadBucketCommand({ Bucket: bucket.name })));
  } catch (error) {
    if (!isAbsent(error)) throw error;
    if (!create) throw new CairnError('object-store.unavailable', `There is no bucket ${bucket.name}.`);
    await bucket.retries.run(() => client.send(new CreateBucketCommand({ Bucket: bucket.name })));
  }
}
