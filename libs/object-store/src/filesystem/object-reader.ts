import { fstat as fstatCallback } from 'node:fs';
import { promisify } from 'node:util';
import { CairnError, ChunkPool } from '@cairn/core';
import { resolveRange } from '../byte-range.ts';
import type { ByteRange } from '../object-store.ts';
import { close, open, readFully } from './file-calls.ts';
import { readError } from './filesystem-errors.ts';

const fstat = promisify(fstatCallback);
const CHUNK_BYTES = 1024 * 1024;

/** Buffers that consumers handed back (`recycleChunk`); those of any other consumer are ordinary garbage. */
const pool = new ChunkPool(16 * CHUNK_BYTES);

/** Bytes of an object on their way out. */
export interface OpenedObject {
  /** Length of the range. */
  sizeBytes: number;
  chunks: AsyncIterable<Uint8Array>;
}

/**
 * Opens a file, or a range of it. What fits one chunk is read at once and holds no descriptor; a larger one is read in chunks of
 * 1 MiB, the next read under way while the last chunk is consumed.
 */
export async function openObject(path: string, range?: ByteRange, signal?: AbortSignal): Promise<OpenedObject> {
  signal?.throwIfAborted();
  const fd = await open(path, 'r').catch((error: unknown) => {
    throw readError(error);
  });
  let held = false;
  try {
    const { start, end } = await rangeOf(fd, range);
    const sizeBytes = end - start;
    if (sizeBytes <= CHUNK_BYTES)
      return { sizeBytes, chunks: oneChunk(sizeBytes === 0 ? undefined : await readExactly(fd, start, sizeBytes)) };
    held = true;
    return { sizeBytes, chunks: readAhead(fd, start, end, signal) };
  } catch (error) {
    throw readError(error);
  } finally {
    if (!held) await close(fd);
  }
}

async function rangeOf(fd: number, range: ByteRange | undefined): Promise<{ start: number; end: number }> {
  const stats = await fstat(fd);
  if (!stats.isFile()) throw new CairnError('object-store.not-found', 'No object has this key.');
  return resolveRange(range, stats.size);
}

async function* oneChunk(chunk: Uint8Array | undefined): AsyncGenerator<Uint8Array> {
  if (chunk !== undefined) yield chunk;
}

async function* readAhead(fd: number, start: number, end: number, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  let next: Promise<Buffer> | undefined;
  try {
    for (let position = start; position < end;) {
      signal?.throwIfAborted();
      const chunk = await (next ?? readExactly(fd, position, Math.min(CHUNK_BYTES, end - position)));
      position += chunk.length;
      next = position < end ? readExactly(fd, position, Math.min(CHUNK_BYTES, end - position)) : undefined;
      next?.catch(() => undefined);
      yield chunk;
    }
  } finally {
    await next?.catch(() => undefined);
    await close(fd);
  }
}

async function readExactly(fd: number, position: number, length: number): Promise<Buffer> {
  const chunk = await readFully(fd, position, length, pool.take(length)).catch((error: unknown) => {
    throw readError(error);
  });
  if (chunk.length === length) return chunk;
  throw new CairnError('object-store.unavailable', 'The object became shorter while it was read.', { retriable: true });
}
