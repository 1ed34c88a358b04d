import { CairnError, failpoint } from '@cairn/core';
import { abortable } from '../abortable.ts';
import { encodeAttributes } from '../attributes.ts';
import type { ObjectAttributes, PutOptions, PutResult } from '../object-store.ts';
import type { Bucket, UploadedPart } from './bucket.ts';
import { createOnce } from './create-once.ts';
import { hashedText } from './hashed-body.ts';
import type { HashedBody } from './hashed-body.ts';
import type { KeyQueue } from './key-queue.ts';
import { companionKey, decodeRecord, encodeCompanion, encodeRecord, fitsMetadata, newPutId } from './object-record.ts';
import type { ObjectRecord } from './object-record.ts';
import { takenError } from './s3-errors.ts';
import type { UploadBudget } from './upload-budget.ts';
import { UploadParts } from './upload-parts.ts';
import type { UploadPart } from './upload-parts.ts';

/** Parts of one upload on their way while the next is filled. */
const PARTS_IN_FLIGHT = 2;

/** What a writer works with. */
export interface ObjectWriterParts {
  bucket: Bucket;
  budget: UploadBudget;
  keys: KeyQueue;
}

/** Puts one object: a body of at most 16 MiB by one request, a longer one by a multipart upload. */
export class ObjectWriter {
  readonly #bucket: Bucket;
  readonly #budget: UploadBudget;
  readonly #keys: KeyQueue;

  constructor({ bucket, budget, keys }: ObjectWriterParts) {
    this.#bucket = bucket;
    this.#budget = budget;
    this.#keys = keys;
  }

  async put(tenant: string, key: string, source: AsyncIterable<Uint8Array>, options: PutOptions): Promise<PutResult> {
    const { signal } = options;
    const whole = new UploadParts(this.#budget);
    const parts = whole.of(signal === undefined ? source : abortable(source, signal), signal);
    try {
      const first = (await parts.next()).value!;
      if (first.last) await this.#putAtOnce(tenant, key, first, options);
      else await this.#putInParts(tenant, key, { first, rest: parts, whole }, options);
      return { sizeBytes: whole.sizeBytes };
    } finally {
      await parts.return(undefined);
    }
  }

  async #putAtOnce(tenant: string, key: string, body: UploadPart, options: PutOptions): Promise<void> {
    try {
      const attributes = finish(body.sizeBytes, options);
      const record: ObjectRecord = { putId: newPutId(), sha256: body.sha256.toString('hex') };
      if (fitsMetadata(attributes)) record.attributes = attributes;
      else await this.#putCompanion(tenant, key, { ...record, sha256: record.sha256!, attributes });
      failpoint('object-store.after-write');
      await this.#keys.run(key, () =>
        createOnce(this.#bucket, { key, putId: record.putId, attempt: () => this.#tryPut(key, body, record) }),
      );
      failpoint('object-store.after-link');
    } finally {
      body.release();
    }
  }

  #tryPut(key: string, body: HashedBody, record: ObjectRecord): Promise<void> {
    return this.#bucket.tryPut(key, body, encodeRecord(record), true);
  }

  /** Digest and attributes are known only at the end of a multipart upload: they go into a companion before the object appears. */
  async #putInParts(
    tenant: string,
    key: string,
    body: { first: UploadPart; rest: AsyncGenerator<UploadPart, void, undefined>; whole: UploadParts },
    options: PutOptions,
  ): Promise<void> {
    const record: ObjectRecord = { putId: newPutId() };
    const upload = new MultipartUpload(this.#bucket, key);
    let completing = false;
    try {
      if ((await this.#bucket.head(key)) !== undefined) throw takenError();
      await upload.begin(record);
      await upload.add(body.first);
      for await (const part of body.rest) await upload.add(part);
      const parts = await upload.settled();
      const attributes = finish(body.whole.sizeBytes, options);
      await this.#putCompanion(tenant, key, { ...record, sha256: body.whole.sha256(), attributes });
      failpoint('object-store.after-write');
      completing = true;
      const attempt = (): Promise<void> => this.#bucket.tryComplete(key, upload.id, parts);
      await this.#keys.run(key, () => createOnce(this.#bucket, { key, putId: record.putId, attempt }));
      await this.#requireStored(key, record.putId, body.whole.sizeBytes);
      failpoint('object-store.after-link');
    } catch (error) {
      body.first.release();
      await upload.abort();
      // An object of which it is not known whether it exists keeps its attributes.
      const absent = !completing || CairnError.is(error, 'object-store.already-exists');
      if (absent) await this.#bucket.remove(companionKey(tenant, record.putId)).catch(() => undefined);
      throw error;
    }
  }

  /** Products differ in what two concurrent completions of one key give: the object must be this one, and whole. */
  async #requireStored(key: string, putId: string, sizeBytes: number): Promise<void> {
    const object = await this.#bucket.head(key);
    if (object === undefined || decodeRecord(object.metadata).putId !== putId) throw takenError();
    if (object.sizeBytes !== sizeBytes) {
      throw new CairnError('object-store.digest-mismatch', 'The object stored has another length.', { retriable: true });
    }
  }

  async #putCompanion(
    tenant: string,
    key: string,
    { putId, sha256, attributes }: { putId: string; sha256: string; attributes: ObjectAttributes },
  ): Promise<void> {
    const body = hashedText(encodeCompanion({ key, sha256, attributes }));
    await this.#bucket.put(companionKey(tenant, putId), body);
  }
}

/** The caller's verdict on the bytes, and what is to be kept with them. */
function finish(sizeBytes: number, options: PutOptions): ObjectAttributes {
  options.verify?.(sizeBytes);
  const attributes = options.attributes?.() ?? {};
  encodeAttributes(attributes);
  return attributes;
}

/** One multipart upload: a bounded number of parts on their way, everything ended when one fails. */
class MultipartUpload {
  id = '';
  readonly #bucket: Bucket;
  readonly #key: string;
  readonly #cancel = new AbortController();
  readonly #uploaded: UploadedPart[] = [];
  readonly #inFlight = new Set<Promise<void>>();

  constructor(bucket: Bucket, key: string) {
    this.#bucket = bucket;
    this.#key = key;
  }

  async begin(record: ObjectRecord): Promise<void> {
    this.id = await this.#bucket.createUpload(this.#key, encodeRecord(record), this.#bucket.checksums);
  }

  /** Sends a part; waits only while as many as may be are under way. Rejects when one of them failed. */
  async add(part: UploadPart): Promise<void> {
    const sent = this.#send(part);
    this.#inFlight.add(sent);
    sent.then(
      () => this.#inFlight.delete(sent),
      () => undefined,
    );
    if (this.#inFlight.size >= PARTS_IN_FLIGHT) await Promise.race(this.#inFlight);
  }

  /** The parts in their order, when all have arrived. */
  async settled(): Promise<UploadedPart[]> {
    await Promise.all(this.#inFlight);
    return this.#uploaded.sort((a, b) => a.PartNumber - b.PartNumber);
  }

  /** Ends what is under way and removes what arrived; a store that does not answer keeps it for its own rule on old uploads. */
  async abort(): Promise<void> {
    this.#cancel.abort(new CairnError('object-store.unavailable', 'The upload was given up.', { retriable: true }));
    await Promise.allSettled(this.#inFlight);
    if (this.id !== '') await this.#bucket.abortUpload(this.#key, this.id).catch(() => undefined);
  }

  async #send(part: UploadPart): Promise<void> {
    try {
      this.#uploaded.push(await this.#bucket.uploadPart(this.#key, { id: this.id, number: part.number }, part, this.#cancel.signal));
    } finally {
      part.release();
    }
  }
}
