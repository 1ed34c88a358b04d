import { stat } from 'node:fs/promises';
import { CairnError, Semaphore } from '@cairn/core';
import type { Scope } from '@cairn/core';
import { abortable } from '../abortable.ts';
import { encodeAttributes } from '../attributes.ts';
import { requireKey, requirePrefix } from '../object-key.ts';
import type { ByteRange, ObjectInfo, ObjectStore, ObjectStoreSupports, PutOptions, PutResult } from '../object-store.ts';
import { AttributeLogs } from './attribute-logs.ts';
import { unlink } from './file-calls.ts';
import { isAbsent, readError, writeError } from './filesystem-errors.ts';
import { ObjectCommit } from './object-commit.ts';
import { listObjects } from './object-lister.ts';
import { openObject } from './object-reader.ts';
import type { OpenedObject } from './object-reader.ts';
import { StoreFolders } from './store-folders.ts';
import { TemporaryFile } from './temporary-file.ts';

/** libuv runs file calls on four threads by default; one stays free for everything that does not wait for the disk. */
const PARALLEL_SYNCS = 3;

/** How a store is opened. */
export interface FilesystemObjectStoreOptions {
  /** The data folder; one process at a time. Made when absent. Objects are plain files at `<folder>/objects/<key>`. */
  folder: string;
}

/**
 * Objects as plain files. A put is written to `tmp/`, synced, its attributes logged and synced, linked to its name (an existing
 * one is never replaced) and the folder synced; concurrent puts share these flushes.
 *
 * @example
 * const store = await FilesystemObjectStore.open({ folder: './data' });
 * await store.put(systemScope('default'), 'landing/default/2026010112/01H….dcm', chunks);
 */
export class FilesystemObjectStore implements ObjectStore {
  readonly supports: ObjectStoreSupports = { exactCreateOnly: true, byteOrder: true };
  readonly #folders: StoreFolders;
  readonly #logs: AttributeLogs;
  readonly #commits: ObjectCommit;
  readonly #syncs = new Semaphore(PARALLEL_SYNCS);
  readonly #putsUnderWay = new Set<Promise<unknown>>();
  #temporaryCount = 0;
  #closed = false;

  private constructor(folders: StoreFolders) {
    this.#folders = folders;
    this.#logs = new AttributeLogs(folders);
    this.#commits = new ObjectCommit(folders, this.#logs);
  }

  /** Opens the store and removes what puts cut short by a crash left in `tmp/`. Folder not usable → `object-store.unavailable`. */
  static async open(options: FilesystemObjectStoreOptions): Promise<FilesystemObjectStore> {
    return new FilesystemObjectStore(await StoreFolders.open(options.folder));
  }

  async put(scope: Scope, key: string, source: AsyncIterable<Uint8Array>, options: PutOptions = {}): Promise<PutResult> {
    requireKey(scope, key);
    this.#requireOpen();
    options.signal?.throwIfAborted();
    const result = this.#put(key, source, options);
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
    return openObject(this.#folders.objectPath(key), range, signal);
  }

  async head(scope: Scope, key: string): Promise<ObjectInfo | undefined> {
    requireKey(scope, key);
    this.#requireOpen();
    try {
      const stats = await stat(this.#folders.objectPath(key));
      if (!stats.isFile()) return undefined;
      const slash = key.lastIndexOf('/');
      const attributes = await this.#logs.find(key.slice(0, slash), key.slice(slash + 1));
      return { key, sizeBytes: stats.size, attributes: attributes ?? {} };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw readError(error);
    }
  }

  async *list(scope: Scope, prefix: string, after?: string): AsyncIterable<{ key: string; sizeBytes: number }> {
    requirePrefix(scope, prefix);
    this.#requireOpen();
    yield* listObjects(this.#folders.objectPath(''), prefix, after);
  }

  async copy(scope: Scope, from: string, to: string): Promise<void> {
    const info = await this.head(scope, from);
    if (info === undefined) throw new CairnError('object-store.not-found', 'No object has this key.');
    const { chunks } = await this.get(scope, from);
    await this.put(scope, to, chunks, { attributes: () => info.attributes });
  }

  async delete(scope: Scope, key: string): Promise<void> {
    requireKey(scope, key);
    this.#requireOpen();
    try {
      await unlink(this.#folders.objectPath(key));
      await this.#folders.sync(this.#folders.objectPath(key.slice(0, key.lastIndexOf('/'))));
    } catch (error) {
      if (isAbsent(error)) await this.#folders.requireMounted();
      else throw writeError(error);
    }
  }

  async check(_scope: Scope): Promise<void> {
    this.#requireOpen();
    await this.#folders.requireMounted();
    const file = this.#temporaryFile();
    try {
      await file.add(new Uint8Array(1));
      await file.flush();
    } finally {
      await file.discard();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#putsUnderWay);
    await this.#logs.close();
    await this.#folders.close();
  }

  async #put(key: string, source: AsyncIterable<Uint8Array>, options: PutOptions): Promise<PutResult> {
    const file = this.#temporaryFile();
    try {
      for await (const chunk of options.signal === undefined ? source : abortable(source, options.signal)) {
        const taken = file.add(chunk);
        if (taken !== undefined) await taken;
      }
      // The caller's check of the bytes runs while the last of them are being written.
      file.flush().catch(() => undefined);
      options.verify?.(file.sizeBytes);
      await this.#commits.commit({ file, key, attributes: encodeAttributes(options.attributes?.()) });
      await file.close();
      return { sizeBytes: file.sizeBytes };
    } catch (error) {
      await file.discard();
      throw error;
    }
  }

  #temporaryFile(): TemporaryFile {
    return new TemporaryFile(`${this.#folders.temporary}/${process.pid}-${this.#temporaryCount++}`, this.#syncs);
  }

  #requireOpen(): void {
    if (this.#closed) throw new CairnError('object-store.unavailable', 'The object store is closed.', { retriable: true });
  }
}
