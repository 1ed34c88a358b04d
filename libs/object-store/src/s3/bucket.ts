import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type { GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import type { Readable } from 'node:stream';
import { sendableBody } from './body-digest.ts';
import { hashedText } from './hashed-body.ts';
import type { HashedBody } from './hashed-body.ts';
import { RetryBudget } from './retry-budget.ts';
import { isAbsent, storeError } from './s3-errors.ts';

/** An object as `HeadObject` shows it. */
export interface BucketObject {
  sizeBytes: number;
  etag: string;
  /** Only in a bucket with versioning. */
  versionId?: string;
  metadata: Readonly<Record<string, string>>;
}

/** A part that was uploaded, as `complete` names it. */
export interface UploadedPart {
  PartNumber: number;
  ETag: string;
  ChecksumSHA256?: string;
}

/** Where and how the requests of one store go. */
export interface BucketSettings {
  client: S3Client;
  bucket: string;
  prefix: string;
  maxAttempts: number;
}

/**
 * The requests that the store makes of one bucket, below one prefix. Most are retried here and fail with the port's errors; those
 * named `try…` are single tries that fail with the SDK's, because their callers have to find out what became of a try.
 */
export class Bucket {
  readonly client: S3Client;
  readonly name: string;
  readonly retries: RetryBudget;
  /** Bodies carry their SHA-256 as a checksum header, too. */
  checksums = true;
  /** The product refuses a create-only put of an existing key. */
  createOnly = true;
  readonly #prefix: string;

  constructor(settings: BucketSettings) {
    this.client = settings.client;
    this.name = settings.bucket;
    this.#prefix = settings.prefix;
    this.retries = new RetryBudget(settings.maxAttempts);
  }

  /** What names an object in a request. */
  target(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.name, Key: this.#prefix + key };
  }

  /** Puts an object whose key is its own, so that a repetition changes nothing. */
  async put(key: string, body: HashedBody, metadata: Record<string, string> = {}): Promise<void> {
    await this.#retried(() => this.tryPut(key, body, metadata, false));
  }

  /** One try. With `createOnly` an existing object refuses it (412) where the product can. */
  async tryPut(key: string, body: HashedBody, metadata: Record<string, string>, createOnly: boolean): Promise<void> {
    const command = new PutObjectCommand({
      ...this.target(key),
      ...this.#body(body),
      Metadata: metadata,
      ...(createOnly ? { IfNoneMatch: '*' } : {}),
    });
    await this.client.send(command);
  }

  /** One try to put a body under the checksum of another, which a product that checks refuses (400). */
  async tryPutDamaged(key: string): Promise<void> {
    const body = hashedText('probe');
    const checksum = { ChecksumSHA256: hashedText('another').sha256.toString('base64') };
    const command = new PutObjectCommand({ ...this.target(key), ...this.#body(body), ...checksum });
    await this.client.send(command);
  }

  async head(key: string): Promise<BucketObject | undefined> {
    try {
      const command = new HeadObjectCommand(this.target(key));
      const { ContentLength = 0, ETag = '', VersionId, Metadata = {} } = await this.retries.run(() => this.client.send(command));
      return { sizeBytes: ContentLength, etag: ETag, metadata: Metadata, ...(VersionId === undefined ? {} : { versionId: VersionId }) };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw storeError(error);
    }
  }

  /** One try; `range` as HTTP writes it. */
  tryGet(key: string, conditions: { range?: string; etag?: string }, signal?: AbortSignal): Promise<GetObjectCommandOutput> {
    const { range, etag } = conditions;
    const command = new GetObjectCommand({
      ...this.target(key),
      ...(range === undefined ? {} : { Range: range }),
      ...(etag === undefined ? {} : { IfMatch: etag }),
    });
    return this.client.send(command, signal === undefined ? {} : { abortSignal: signal });
  }

  /** All keys with the prefix after `after`, in byte order, a page at a time. */
  async *list(prefix: string, after?: string): AsyncGenerator<{ key: string; sizeBytes: number }> {
    for (let token: string | undefined; ;) {
      const command = new ListObjectsV2Command({
        Bucket: this.name,
        Prefix: this.#prefix + prefix,
        ...(after === undefined ? {} : { StartAfter: this.#prefix + after }),
        ...(token === undefined ? {} : { ContinuationToken: token }),
      });
      const page = await this.#retried(() => this.client.send(command));
      for (const { Key = '', Size = 0 } of page.Contents ?? []) yield { key: Key.slice(this.#prefix.length), sizeBytes: Size };
      if (page.IsTruncated !== true || page.NextContinuationToken === undefined) return;
      token = page.NextContinuationToken;
    }
  }

  /** Removes an object, in a bucket with versioning the very version: no delete marker is left. An absent one is no error. */
  async remove(key: string): Promise<BucketObject | undefined> {
    const object = await this.head(key);
    if (object === undefined) return undefined;
    const { versionId } = object;
    const command = new DeleteObjectCommand({ ...this.target(key), ...(versionId === undefined ? {} : { VersionId: versionId }) });
    await this.#retried(() => this.client.send(command));
    return object;
  }

  /** One try; the bytes must still be those of `etag`. */
  async tryCopy(from: string, to: string, etag: string, metadata: Record<string, string>): Promise<void> {
    await this.client.send(
      new CopyObjectCommand({
        ...this.target(to),
        CopySource: this.#copySource(from),
        CopySourceIfMatch: etag,
        IfNoneMatch: '*',
        MetadataDirective: 'REPLACE',
        Metadata: metadata,
      }),
    );
  }

  /** Begins a multipart upload whose parts are sent (`checksums`) or copied; gives its id. */
  async createUpload(key: string, metadata: Record<string, string>, checksums: boolean): Promise<string> {
    const checksum = checksums ? { ChecksumAlgorithm: 'SHA256' as const } : {};
    const command = new CreateMultipartUploadCommand({ ...this.target(key), ...checksum, Metadata: metadata });
    const { UploadId } = await this.#retried(() => this.client.send(command));
    return UploadId!;
  }

  uploadPart(key: string, upload: { id: string; number: number }, body: HashedBody, signal: AbortSignal): Promise<UploadedPart> {
    return this.#retried(async () => {
      const command = new UploadPartCommand({
        ...this.target(key),
        ...this.#body(body),
        UploadId: upload.id,
        PartNumber: upload.number,
      });
      const { ETag, ChecksumSHA256 } = await this.client.send(command, { abortSignal: signal });
      return { PartNumber: upload.number, ETag: ETag!, ...(ChecksumSHA256 === undefined ? {} : { ChecksumSHA256 }) };
    }, signal);
  }

  /** A part made of a range of another object, `range` as HTTP writes it. */
  copyPart(
    key: string,
    upload: { id: string; number: number },
    source: { key: string; etag: string; range: string },
  ): Promise<UploadedPart> {
    const command = new UploadPartCopyCommand({
      ...this.target(key),
      UploadId: upload.id,
      PartNumber: upload.number,
      CopySource: this.#copySource(source.key),
      CopySourceIfMatch: source.etag,
      CopySourceRange: source.range,
    });
    return this.#retried(async () => {
      const { CopyPartResult } = await this.client.send(command);
      return { PartNumber: upload.number, ETag: CopyPartResult!.ETag! };
    });
  }

  /** One try, create-only where the product can. */
  async tryComplete(key: string, uploadId: string, parts: readonly UploadedPart[]): Promise<void> {
    const upload = { UploadId: uploadId, MultipartUpload: { Parts: [...parts] }, IfNoneMatch: '*' };
    await this.client.send(new CompleteMultipartUploadCommand({ ...this.target(key), ...upload }));
  }

  /** An upload that is not there is no error. */
  async abortUpload(key: string, uploadId: string): Promise<void> {
    const command = new AbortMultipartUploadCommand({ ...this.target(key), UploadId: uploadId });
    try {
      await this.retries.run(() => this.client.send(command));
    } catch (error) {
      if (!isAbsent(error)) throw storeError(error);
    }
  }

  async #retried<T>(request: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await this.retries.run(request, signal);
    } catch (error) {
      throw storeError(error);
    }
  }

  /** Gives up uploads that began before `time`: nobody knows them any more. */
  async abortUploadsBefore(time: Date): Promise<void> {
    for (let marker = {}; ;) {
      const command = new ListMultipartUploadsCommand({ Bucket: this.name, Prefix: this.#prefix, ...marker });
      const page = await this.#retried(() => this.client.send(command));
      for (const { Key = '', UploadId = '', Initiated = new Date() } of page.Uploads ?? []) {
        const ours = Key.startsWith(this.#prefix) && Initiated < time;
        if (ours) await this.abortUpload(Key.slice(this.#prefix.length), UploadId);
      }
      if (page.IsTruncated !== true || page.NextKeyMarker === undefined) return;
      marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
    }
  }

  #copySource(key: string): string {
    return `${this.name}/${this.#prefix}${key}`;
  }

  #body(body: HashedBody): { Body: Readable | Uint8Array; ContentLength: number; ChecksumSHA256?: string } {
    const checksum = this.checksums ? { ChecksumSHA256: body.sha256.toString('base64') } : {};
    return { Body: sendableBody(body), ContentLength: body.sizeBytes, ...checksum };
  }
}
