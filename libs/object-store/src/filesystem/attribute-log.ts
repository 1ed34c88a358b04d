import { constants, ftruncate as ftruncateCallback, fstat as fstatCallback } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { ObjectAttributes } from '../object-store.ts';
import { close, open, readFully, syncFolder, writeAll } from './file-calls.ts';
import { isAbsent } from './filesystem-errors.ts';
import { NameIndex } from './name-index.ts';
import type { StoreFolders } from './store-folders.ts';

const ftruncate = promisify(ftruncateCallback);
const fstat = promisify(fstatCallback);
/** Every write waits for the disk: one call instead of a write and a sync. */
const APPENDED = constants.O_RDWR | constants.O_DSYNC;
const NEWLINE = 0x0a;
const SCAN_BYTES = 1024 * 1024;
/** More than a line takes: name (≤ 1,024) and attributes (≤ 2 KiB). */
const BLOCK_BYTES = 64 * 1024;

/** A line of the log as it is read back. */
interface LogLine {
  name: string;
  attributes: ObjectAttributes;
}

/** A line on its way into the log. */
interface WaitingLine {
  line: string;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** A line of the log: `attributes` is JSON text already. */
export function logLine(name: string, attributes: string): string {
  return `{"name":"${name}","attributes":${attributes}}\n`;
}

/**
 * The attributes of one key folder: a JSON line per put, the last one of a name counts. A line is durable before its object has
 * its name, so a torn last line (crash) belongs to no object and is cut off before the next append.
 */
export class AttributeLog {
  readonly #path: string;
  readonly #folders: StoreFolders;
  #fd: number | undefined;
  #writable = false;
  /** End of the last whole line. */
  #sizeBytes = 0;
  #index: NameIndex | undefined;
  #indexedBytes = 0;
  #block: { offset: number; bytes: Buffer } | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #waiting: WaitingLine[] = [];

  constructor(path: string, folders: StoreFolders) {
    this.#path = path;
    this.#folders = folders;
  }

  /** Appends a line; durable when it resolves. Lines that come while others are being written share the next write. */
  append(line: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line, resolve, reject });
      if (this.#waiting.length === 1) void this.#inTurn(() => this.#appendWaiting());
    });
  }

  /** The attributes put last under this name; undefined when the log has none. */
  find(name: string): Promise<ObjectAttributes | undefined> {
    return this.#inTurn(async () => {
      if (!(await this.#openForReading())) return undefined;
      await this.#extendIndex();
      for (const offset of this.#index!.offsetsOf(name)) {
        const line = await this.#lineAt(offset);
        if (line.name === name) return line.attributes;
      }
      return undefined;
    });
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#close());
  }

  async #appendWaiting(): Promise<void> {
    const taken = this.#waiting;
    this.#waiting = [];
    try {
      await this.#appendBytes(Buffer.from(taken.map(({ line }) => line).join('')));
      for (const { resolve } of taken) resolve();
    } catch (error) {
      for (const { reject } of taken) reject(error);
    }
  }

  /** On failure the log is as before. */
  async #appendBytes(bytes: Buffer): Promise<void> {
    const fd = await this.#openForAppend();
    try {
      await writeAll(fd, [bytes], this.#sizeBytes);
      this.#sizeBytes += bytes.length;
    } catch (error) {
      await ftruncate(fd, this.#sizeBytes).catch(() => undefined);
      await this.#close();
      throw error;
    }
  }

  /** Calls on one log run one after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #close(): Promise<void> {
    const fd = this.#fd;
    this.#fd = undefined;
    this.#writable = false;
    this.#index = undefined;
    this.#block = undefined;
    this.#indexedBytes = 0;
    if (fd !== undefined) await close(fd).catch(() => undefined);
  }

  async #openForReading(): Promise<boolean> {
    if (this.#fd !== undefined) return true;
    try {
      this.#fd = await open(this.#path, 'r');
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
    this.#sizeBytes = await endOfLastLine(this.#fd);
    return true;
  }

  async #openForAppend(): Promise<number> {
    if (this.#fd !== undefined && this.#writable) return this.#fd;
    await this.#close();
    const fd = await this.#openOrMake();
    this.#fd = fd;
    this.#sizeBytes = await endOfLastLine(fd);
    await ftruncate(fd, this.#sizeBytes);
    this.#writable = true;
    return fd;
  }

  async #openOrMake(): Promise<number> {
    try {
      return await open(this.#path, APPENDED);
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
    await this.#folders.ensure(dirname(this.#path));
    const fd = await open(this.#path, APPENDED | constants.O_CREAT | constants.O_EXCL);
    await syncFolder(dirname(this.#path));
    return fd;
  }

  /** Notes the lines appended since the last search. */
  async #extendIndex(): Promise<void> {
    this.#index ??= new NameIndex();
    while (this.#indexedBytes < this.#sizeBytes) {
      const bytes = await readFully(this.#fd!, this.#indexedBytes, Math.min(SCAN_BYTES, this.#sizeBytes - this.#indexedBytes));
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
        this.#index.add(nameOf(bytes, start), this.#indexedBytes + start);
        start = end + 1;
      }
      if (start === 0) return;
      this.#indexedBytes += start;
    }
  }

  /** Reads a line; those of one block come from memory, for they are mostly asked for in the order in which they lie. */
  async #lineAt(offset: number): Promise<LogLine> {
    let end = this.#lineEnd(offset);
    if (end === -1) {
      this.#block = { offset, bytes: await readFully(this.#fd!, offset, Math.min(BLOCK_BYTES, this.#sizeBytes - offset)) };
      end = this.#lineEnd(offset);
    }
    const { bytes, offset: blockOffset } = this.#block!;
    return JSON.parse(bytes.toString('utf8', offset - blockOffset, end)) as LogLine;
  }

  /** Index of the line's end within the block; -1 when the block does not hold the whole line. */
  #lineEnd(offset: number): number {
    if (this.#block === undefined) return -1;
    const start = offset - this.#block.offset;
    return start < 0 || start >= this.#block.bytes.length ? -1 : this.#block.bytes.indexOf(NEWLINE, start);
  }
}

/** The name in a line that {@link logLine} made: the text of `"name":"…"`, which needs no unescaping. */
function nameOf(bytes: Buffer, start: number): string {
  const from = start + '{"name":"'.length;
  return bytes.toString('latin1', from, bytes.indexOf(0x22, from));
}

async function endOfLastLine(fd: number): Promise<number> {
  const { size } = await fstat(fd);
  const tailStart = Math.max(0, size - BLOCK_BYTES);
  const tail = await readFully(fd, tailStart, size - tailStart);
  return tailStart + tail.lastIndexOf(NEWLINE) + 1;
}
