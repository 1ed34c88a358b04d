import { CairnError, failpoint } from '@cairn/core';
import { link, unlink } from './file-calls.ts';
import { isAbsent, isTaken, writeError } from './filesystem-errors.ts';
import type { StoreFolders } from './store-folders.ts';

/** Names of one round; bounds what one failing folder can fail. */
const MAX_ROUND = 64;

/** A file that waits for its name. */
interface WaitingName {
  /** Path of the temporary file. */
  from: string;
  keyFolder: string;
  name: string;
  /** Set when it cannot be named; the rest of the round goes on. */
  failure?: CairnError;
  settle: () => void;
}

/** Gives temporary files their names, durably. Those that come while a round runs share the next one: one sync per folder. */
export class NameGroup {
  readonly #folders: StoreFolders;
  #waiting: WaitingName[] = [];
  #running = false;

  constructor(folders: StoreFolders) {
    this.#folders = folders;
  }

  /** Resolves when the object has its name for good and the temporary one is gone. A taken name → `object-store.already-exists`. */
  async give(from: string, keyFolder: string, name: string): Promise<void> {
    const waiting = await new Promise<WaitingName>((resolve) => {
      const entry: WaitingName = { from, keyFolder, name, settle: () => resolve(entry) };
      this.#waiting.push(entry);
      void this.#run();
    });
    if (waiting.failure !== undefined) throw waiting.failure;
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    while (this.#waiting.length > 0) {
      const round = this.#waiting.splice(0, MAX_ROUND);
      await this.#nameRound(round);
      for (const entry of round) entry.settle();
    }
    this.#running = false;
  }

  async #nameRound(round: readonly WaitingName[]): Promise<void> {
    await Promise.all(round.map((entry) => this.#nameOne(entry)));
    failpoint('object-store.after-link');
    const named = round.filter((entry) => entry.failure === undefined);
    await Promise.all([
      ...Array.from(
        Map.groupBy(named, (entry) => entry.keyFolder),
        ([keyFolder, entries]) => this.#syncFolder(keyFolder, entries),
      ),
      // One that stays is removed when the store is opened next.
      ...named.map((entry) => unlink(entry.from).catch(() => undefined)),
    ]);
    failpoint('object-store.after-dirsync');
  }

  async #nameOne(entry: WaitingName): Promise<void> {
    try {
      await this.#link(entry.from, entry.keyFolder, entry.name);
    } catch (error) {
      entry.failure = isTaken(error) ? alreadyExists() : writeError(error);
    }
  }

  async #link(from: string, keyFolder: string, name: string): Promise<void> {
    const folder = this.#folders.objectPath(keyFolder);
    await this.#folders.ensure(folder);
    try {
      await link(from, `${folder}/${name}`);
    } catch (error) {
      if (!isAbsent(error)) throw error;
      // The folder was believed to exist: look again, unless the whole volume is gone.
      await this.#folders.forget();
      await this.#folders.ensure(folder);
      await link(from, `${folder}/${name}`);
    }
  }

  async #syncFolder(keyFolder: string, entries: readonly WaitingName[]): Promise<void> {
    try {
      await this.#folders.sync(this.#folders.objectPath(keyFolder));
    } catch (error) {
      for (const entry of entries) entry.failure = writeError(error);
    }
  }
}

/** The store's error for a key that is taken. */
export function alreadyExists(): CairnError {
  return new CairnError('object-store.already-exists', 'An object with this key exists already.');
}
