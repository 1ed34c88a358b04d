import { statSync } from 'node:fs';
import { failpoint } from '@cairn/core';
import { logLine } from './attribute-log.ts';
import type { AttributeLogs } from './attribute-logs.ts';
import { isAbsent, writeError } from './filesystem-errors.ts';
import { NameGroup, alreadyExists } from './name-group.ts';
import type { StoreFolders } from './store-folders.ts';
import type { TemporaryFile } from './temporary-file.ts';

/** What {@link ObjectCommit.commit} is to make durable. */
export interface WrittenObject {
  /** All bytes taken, not necessarily written yet. */
  file: TemporaryFile;
  key: string;
  /** JSON text. */
  attributes: string;
}

/**
 * Makes objects durable in the order that makes a crash harmless: bytes and attributes before the name appears, the name before
 * the answer. Each of the three steps is shared by the puts that are in it at the same time.
 */
export class ObjectCommit {
  readonly #folders: StoreFolders;
  readonly #logs: AttributeLogs;
  readonly #names: NameGroup;
  /** Keys whose put is being decided; another put of the key waits for it. */
  readonly #claims = new Map<string, Promise<void>>();

  constructor(folders: StoreFolders, logs: AttributeLogs) {
    this.#folders = folders;
    this.#logs = logs;
    this.#names = new NameGroup(folders);
  }

  /** Resolves when the object has its name for good. A taken key → `object-store.already-exists`. */
  async commit(object: WrittenObject): Promise<void> {
    const release = await this.#claim(object.key);
    try {
      await this.#commit(object);
    } finally {
      release();
    }
  }

  async #commit({ file, key, attributes }: WrittenObject): Promise<void> {
    this.#requireFree(key);
    const slash = key.lastIndexOf('/');
    const keyFolder = key.slice(0, slash);
    const name = key.slice(slash + 1);
    await Promise.all([syncData(file), this.#note(keyFolder, logLine(name, attributes))]);
    failpoint('object-store.after-attributes');
    await this.#names.give(file.path, keyFolder, name);
  }

  async #claim(key: string): Promise<() => void> {
    for (let other = this.#claims.get(key); other !== undefined; other = this.#claims.get(key)) await other;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#claims.set(key, promise);
    return () => {
      this.#claims.delete(key);
      resolve();
    };
  }

  /**
   * Before the attributes are written: those of a put that loses must not replace those of the object that exists. A look-up
   * in a folder in use takes microseconds, a call through the thread pool ten times as long.
   */
  #requireFree(key: string): void {
    let existing;
    try {
      existing = statSync(this.#folders.objectPath(key), { throwIfNoEntry: false });
    } catch (error) {
      throw writeError(error);
    }
    if (existing !== undefined) throw alreadyExists();
  }

  async #note(keyFolder: string, line: string): Promise<void> {
    try {
      await this.#logs.append(keyFolder, line);
    } catch (error) {
      // A log that is gone went with its folder, perhaps with the whole volume.
      if (isAbsent(error)) await this.#folders.requireMounted();
      throw writeError(error);
    }
  }
}

async function syncData(file: TemporaryFile): Promise<void> {
  await file.flush();
  failpoint('object-store.after-write');
  await file.sync();
  failpoint('object-store.after-fsync');
}
