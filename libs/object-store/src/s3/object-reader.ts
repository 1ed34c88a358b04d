import { createHash } from 'node:crypto';
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { CairnError } from '@cairn/core';
import { abortable } from '../abortable.ts';
import { resolveRange } from '../byte-range.ts';
import type { ByteRange } from '../object-store.ts';
import type { Bucket } from './bucket.ts';
import { statusOf, storeError } from './s3-errors.ts';

/** Bytes of an object on their way out. */
export interface OpenedObject {
  /** Length of the range. */
  sizeBytes: number;
  chunks: AsyncIterable<Uint8Array>;
}

/** What is to be read. */
export interface ReadLocation {
  tenant: string;
  key: string;
  range: ByteRange | undefined;
}

/** An answer to a read whose body has not been read. */
interface OpenBody {
  etag: string;
  start: number;
  sizeBytes: number;
  metadata: Readonly<Record<string, string>>;
  chunks: AsyncIterable<Uint8Array>;
}

/** How objects are read. */
export interface ReadSettings {
  /** Gives the SHA-256 that an object read as a whole must have; undefined: it is not compared. */
  digestOf: (tenant: string, metadata: Readonly<Record<string, string>>) => Promise<string | undefined>;
  /** A body that gives no byte for so long is asked for again. */
  silenceMs: number;
}

/** What is at most this long is read at once, so that it holds no connection while its reader is slow. */
const EAGER_BYTES = 1024 * 1024;
/** Breaks of one body without a byte in between that are mended. */
const MAX_BARREN_RESUMES = 3;

/**
 * Opens an object or a range of it. A body that breaks off is continued by a read of its rest, bound to the same ETag; one read as
 * a whole is compared with its SHA-256 (`object-store.digest-mismatch` in place of its last chunk's successor).
 */
export async function openObject(
  bucket: Bucket,
  location: ReadLocation,
  settings: ReadSettings,
  signal?: AbortSignal,
): Promise<OpenedObject> {
  signal?.throwIfAborted();
  const { key, range } = location;
  const start = range?.start ?? 0;
  const { end } = range ?? {};
  if (end === start || !isProper(start, end)) return emptyRange(bucket, key, range);
  try {
    return await bucket.retries.run(() => openBody(bucket, location, { start, end }, settings, signal), signal);
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    if (statusOf(error) === 416) return emptyRange(bucket, key, range);
    throw storeError(error);
  }
}

function isProper(start: number, end: number | undefined): boolean {
  return Number.isSafeInteger(start) && start >= 0 && (end === undefined || (Number.isSafeInteger(end) && end > start));
}

/** A range that HTTP cannot ask for: empty, or wrong. */
async function emptyRange(bucket: Bucket, key: string, range: ByteRange | undefined): Promise<OpenedObject> {
  const object = await bucket.head(key);
  if (object === undefined) throw new CairnError('object-store.not-found', 'No object has this key.');
  const { start, end } = resolveRange(range, object.sizeBytes);
  if (start === end) return { sizeBytes: 0, chunks: given([]) };
  throw new CairnError('object-store.unavailable', 'The object store refused a range of an object.', { retriable: true });
}

async function openBody(
  bucket: Bucket,
  { tenant, key }: ReadLocation,
  range: { start: number; end: number | undefined },
  settings: ReadSettings,
  signal: AbortSignal | undefined,
): Promise<OpenedObject> {
  const whole = range.start === 0 && range.end === undefined;
  const body = opened(await bucket.tryGet(key, whole ? {} : { range: httpRange(range.start, range.end) }, signal), range, settings);
  const sha256 = whole ? await settings.digestOf(tenant, body.metadata) : undefined;
  if (body.sizeBytes > EAGER_BYTES) {
    const chunks = checked(resumed(bucket, key, body, settings, signal), sha256);
    return { sizeBytes: body.sizeBytes, chunks: signal === undefined ? chunks : abortable(chunks, signal) };
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of checked(body.chunks, sha256)) chunks.push(chunk);
  if (lengthOf(chunks) !== body.sizeBytes) throw brokenOff();
  return { sizeBytes: body.sizeBytes, chunks: given(chunks) };
}

/** Reads the head of an answer. A range that reaches beyond the object is refused, although HTTP would cut it short. */
function opened(
  answer: GetObjectCommandOutput,
  { start, end }: { start: number; end: number | undefined },
  settings: ReadSettings,
): OpenBody {
  const { Body, ContentLength = 0, ContentRange, ETag = '', Metadata = {} } = answer;
  const body = Body as AsyncIterable<Uint8Array> & { destroy(): void };
  const total = Number(/\/(\d+)$/.exec(ContentRange ?? '')?.[1] ?? ContentLength);
  if (end !== undefined && end > total) {
    body.destroy();
    resolveRange({ start, end }, total);
  }
  if (ContentLength !== (end ?? total) - start) {
    body.destroy();
    throw new CairnError('object-store.unavailable', 'The object store gave another range than asked for.', { retriable: true });
  }
  return { etag: ETag, start, sizeBytes: ContentLength, metadata: Metadata, chunks: unlessSilent(body, settings.silenceMs) };
}

/** The body's chunks, over breaks of the connection. */
async function* resumed(
  bucket: Bucket,
  key: string,
  body: OpenBody,
  settings: ReadSettings,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const end = body.start + body.sizeBytes;
  let position = body.start;
  let { chunks } = body;
  for (let barren = 0; position < end; barren++) {
    const before = position;
    try {
      for await (const chunk of chunks) {
        position += chunk.length;
        yield chunk;
      }
    } catch (error) {
      if (signal?.aborted === true || barren >= MAX_BARREN_RESUMES) throw storeError(error);
    }
    if (position > before) barren = 0;
    if (position === end) return;
    if (barren >= MAX_BARREN_RESUMES) throw brokenOff();
    chunks = await rest(bucket, key, { etag: body.etag, start: position, end }, settings, signal);
  }
}

async function rest(
  bucket: Bucket,
  key: string,
  { etag, start, end }: { etag: string; start: number; end: number },
  settings: ReadSettings,
  signal: AbortSignal | undefined,
): Promise<AsyncIterable<Uint8Array>> {
  try {
    const answer = await bucket.retries.run(() => bucket.tryGet(key, { range: httpRange(start, end), etag }, signal), signal);
    return opened(answer, { start, end }, settings).chunks;
  } catch (error) {
    throw storeError(error);
  }
}

async function* checked(chunks: AsyncIterable<Uint8Array>, sha256: string | undefined): AsyncGenerator<Uint8Array, void, undefined> {
  if (sha256 === undefined) return yield* chunks;
  const hash = createHash('sha256');
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') !== sha256) throw new CairnError('object-store.digest-mismatch', 'The bytes read differ from their SHA-256.');
}

/** Ends a body that gives nothing for a while. A slow reader costs no time here: only the wait for the next chunk counts. */
async function* unlessSilent(
  body: AsyncIterable<Uint8Array> & { destroy(error?: Error): void },
  silenceMs: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const expire = (): void => body.destroy(Object.assign(new Error('The body stalled.'), { code: 'ETIMEDOUT' }));
  let timer = setTimeout(expire, silenceMs);
  try {
    for await (const chunk of body) {
      clearTimeout(timer);
      yield chunk;
      timer = setTimeout(expire, silenceMs);
    }
  } finally {
    clearTimeout(timer);
  }
}

async function* given(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks;
}

/** `end` is exclusive here and inclusive in HTTP. */
function httpRange(start: number, end: number | undefined): string {
  return `bytes=${start}-${end === undefined ? '' : end - 1}`;
}

function lengthOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

/** Has the form of a system error, so that the request is tried again. */
function brokenOff(): Error {
  return Object.assign(new Error('The body ended before its length.'), { code: 'ECONNRESET' });
}
