import { close, open, unlink, writeAll } from './file-calls.ts';
import { writeError } from './filesystem-errors.ts';

/** Bytes gathered for one write: few large calls cost a fraction of many small ones. */
const WRITE_BYTES = 1024 * 1024;

/**
 * An object's bytes before it has its name. Holds at most two writes' worth of chunks: one under way, one being gathered.
 * Failures of the file system come as `object-store.full` or `object-store.unavailable`.
 */
export class TemporaryFile {
  readonly path: string;
  sizeBytes = 0;
  readonly #opened: Promise<number>;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #position = 0;
  #writing: Promise<void> | undefined;
  #closed = false;

  constructor(path: string) {
    this.path = path;
    this.#opened = open(path, 'wx').catch((error: unknown) => {
      throw writeError(error);
    });
    this.#opened.catch(() => undefined);
  }

  /** Takes a chunk; where a promise is given, the next chunk must wait for it. */
  add(chunk: Uint8Array): Promise<unknown> | undefined {
    if (chunk.length === 0) return undefined;
    this.sizeBytes += chunk.length;
    this.#gathered.push(chunk);
    this.#gatheredBytes += chunk.length;
    return this.#gatheredBytes < WRITE_BYTES ? undefined : this.#startWrite();
  }

  /** Resolves when every chunk taken has been written (not synced). */
  async flush(): Promise<void> {
    if (this.#gatheredBytes > 0) void this.#startWrite();
    await (this.#writing ?? this.#opened);
  }

  /** The descriptor, open until {@link close}. */
  descriptor(): Promise<number> {
    return this.#opened;
  }

  /** Closes the file once its writes have ended; further calls do nothing. The bytes' durability is the caller's. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writing?.catch(() => undefined);
    const fd = await this.#opened.catch(() => undefined);
    if (fd !== undefined) await close(fd).catch(() => undefined);
  }

  /** Closes and removes the file, whatever state it is in. */
  async discard(): Promise<void> {
    await this.close();
    await unlink(this.path).catch(() => undefined);
  }

  /** Writes what is gathered after the write before it; resolves when that one has ended. */
  #startWrite(): Promise<unknown> {
    const chunks = this.#gathered;
    const position = this.#position;
    this.#gathered = [];
    this.#position += this.#gatheredBytes;
    this.#gatheredBytes = 0;
    const previous = this.#writing ?? this.#opened;
    this.#writing = this.#writeAfter(previous, chunks, position);
    this.#writing.catch(() => undefined);
    return previous;
  }

  async #writeAfter(previous: Promise<unknown>, chunks: readonly Uint8Array[], position: number): Promise<void> {
    await previous;
    const fd = await this.#opened;
    try {
      await writeAll(fd, chunks, position);
    } catch (error) {
      throw writeError(error);
    }
  }
}
