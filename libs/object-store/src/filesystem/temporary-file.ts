import { closeSync, constants } from 'node:fs';
import type { Semaphore } from '@cairn/core';
import { fdatasync, open, unlink, writeAll } from './file-calls.ts';
import { writeError } from './filesystem-errors.ts';

/** Bytes gathered for one write: few large calls cost a fraction of many small ones. */
const WRITE_BYTES = 1024 * 1024;
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

/**
 * An object's bytes before it has its name. Holds at most two writes' worth of chunks: one under way, one being gathered. Small
 * objects are written by one call that syncs too. Failures come as `object-store.full` or `object-store.unavailable`.
 */
export class TemporaryFile {
  readonly path: string;
  sizeBytes = 0;
  readonly #syncs: Semaphore;
  #opened: Promise<number> | undefined;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #position = 0;
  #writing: Promise<void> | undefined;
  #durable = false;
  #closed = false;

  /** @param syncs - bounds the calls that wait for the disk at a time */
  constructor(path: string, syncs: Semaphore) {
    this.path = path;
    this.#syncs = syncs;
  }

  /** Takes a chunk; where a promise is given, the next chunk must wait for it. */
  add(chunk: Uint8Array): Promise<unknown> | undefined {
    if (chunk.length === 0) return undefined;
    this.sizeBytes += chunk.length;
    this.#gathered.push(chunk);
    this.#gatheredBytes += chunk.length;
    return this.#gatheredBytes < WRITE_BYTES ? undefined : this.#startWrite();
  }

  /** Resolves when every chunk taken has been written; {@link sync} makes them durable. */
  async flush(): Promise<void> {
    if (this.#writing === undefined) {
      this.#writing = this.#writeDurably();
      this.#writing.catch(() => undefined);
    } else if (this.#gatheredBytes > 0) void this.#startWrite();
    await this.#writing;
  }

  /** Resolves when what was flushed survives a power cut. */
  async sync(): Promise<void> {
    if (this.#durable) return;
    const fd = await this.#open(NEW_FILE);
    await this.#syncs.run(() => fdatasync(fd));
    this.#durable = true;
  }

  /** Closes the file once its writes have ended; further calls do nothing. The bytes' durability is the caller's. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writing?.catch(() => undefined);
    const fd = await this.#opened?.catch(() => undefined);
    if (fd !== undefined) closeSync(fd);
  }

  /** Closes and removes the file, whatever state it is in. */
  async discard(): Promise<void> {
    await this.close();
    if (this.#opened !== undefined) await unlink(this.path).catch(() => undefined);
  }

  #open(flags: number): Promise<number> {
    this.#opened ??= open(this.path, flags).catch((error: unknown) => {
      throw writeError(error);
    });
    return this.#opened;
  }

  #take(): Uint8Array[] {
    const chunks = this.#gathered;
    this.#gathered = [];
    this.#position += this.#gatheredBytes;
    this.#gatheredBytes = 0;
    return chunks;
  }

  /** Writes all of a small object, the write itself waiting for the disk. */
  async #writeDurably(): Promise<void> {
    const chunks = this.#take();
    const fd = await this.#open(NEW_FILE | constants.O_DSYNC);
    if (chunks.length === 0) return;
    await this.#syncs.run(() => writeMapped(fd, chunks, 0));
    this.#durable = true;
  }

  /** Writes what is gathered after the write before it; resolves when that one has ended. */
  #startWrite(): Promise<unknown> {
    const position = this.#position;
    const chunks = this.#take();
    const previous: Promise<unknown> = this.#writing ?? this.#open(NEW_FILE);
    this.#writing = this.#writeAfter(previous, chunks, position);
    this.#writing.catch(() => undefined);
    return previous;
  }

  async #writeAfter(previous: Promise<unknown>, chunks: readonly Uint8Array[], position: number): Promise<void> {
    await previous;
    await writeMapped(await this.#open(NEW_FILE), chunks, position);
  }
}

async function writeMapped(fd: number, chunks: readonly Uint8Array[], position: number): Promise<void> {
  try {
    await writeAll(fd, chunks, position);
  } catch (error) {
    throw writeError(error);
  }
}
