import { statSync } from 'node:fs';
import { CairnError, failpoint } from '@cairn/core';
import { logLine } from './attribute-log.ts';
import type { AttributeLogs } from './attribute-logs.ts';
import { link, unlink } from './file-calls.ts';
import { isAbsent, isTaken, writeError } from './filesystem-errors.ts';
import type { StoreFolders } from './store-folders.ts';
import type { TemporaryFile } from './temporary-file.ts';

/** Puts of one round; bounds what one failing log or folder can fail. */
const MAX_ROUND = 64;

/** A written object that waits for its name. */
interface WaitingPut {
  file: TemporaryFile;
  keyFolder: string;
  name: string;
  attributes: string;
  /** Set when it cannot be committed; the rest of the round goes on. */
  failure?: CairnError;
  settle: () => void;
}

/** What {@link CommitGroup.commit} is to make durable. */
export interface WrittenObject {
  file: TemporaryFile;
  key: string;
  /** JSON text. */
  attributes: string;
}

/**
 * Gives written objects their names, durably. Puts that arrive while a round runs wait for the next one and share its flushes:
 * data synced in parallel, one append and sync per attributes log, one sync per folder. The order within a round is what
 * makes a crash harmless: bytes and attributes are durable before the name appears, the name before the answer.
 */
export class CommitGroup {
  readonly #folders: StoreFolders;
  readonly #logs: AttributeLogs;
  #waiting: WaitingPut[] = [];
  #running = false;

  constructor(folders: StoreFolders, logs: AttributeLogs) {
    this.#folders = folders;
    this.#logs = logs;
  }

  /** Resolves when the object has its name for good. A taken key → `object-store.already-exists`. */
  async commit(object: WrittenObject): Promise<void> {
    const slash = object.key.lastIndexOf('/');
    const put = await new Promise<WaitingPut>((resolve) => {
      const waiting: WaitingPut = {
        file: object.file,
        keyFolder: object.key.slice(0, slash),
        name: object.key.slice(slash + 1),
        attributes: object.attributes,
        settle: () => resolve(waiting),
      };
      this.#waiting.push(waiting);
      void this.#run();
    });
    if (put.failure !== undefined) throw put.failure;
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    while (this.#waiting.length > 0) {
      const round = this.#takeRound();
      await this.#commitRound(round);
      for (const put of round) put.settle();
    }
    this.#running = false;
  }

  /** The next puts with distinct keys; a second put of one key waits, so that it finds the first one's name. */
  #takeRound(): WaitingPut[] {
    const round = new Map<string, WaitingPut>();
    const later: WaitingPut[] = [];
    for (const put of this.#waiting) {
      const key = `${put.keyFolder}/${put.name}`;
      if (round.size < MAX_ROUND && !round.has(key)) round.set(key, put);
      else later.push(put);
    }
    this.#waiting = later;
    return [...round.values()];
  }

  async #commitRound(round: readonly WaitingPut[]): Promise<void> {
    for (const put of round) this.#requireFree(put);
    await Promise.all([eachUnfailed(round, (put) => this.#syncData(put)), this.#appendAttributes(unfailed(round))]);
    failpoint('object-store.after-attributes');
    await eachUnfailed(round, (put) => this.#giveName(put));
    failpoint('object-store.after-link');
    const named = unfailed(round);
    await Promise.all([
      eachFolder(named, (keyFolder) => this.#folders.sync(this.#folders.objectPath(keyFolder))),
      // One that stays is removed when the store is opened next.
      ...named.map((put) => unlink(put.file.path).catch(() => undefined)),
    ]);
    failpoint('object-store.after-dirsync');
  }

  #pathOf(put: WaitingPut): string {
    return this.#folders.objectPath(`${put.keyFolder}/${put.name}`);
  }

  /**
   * Before the attributes are written: those of a put that loses must not replace those of the object that exists. A look-up
   * in a folder in use takes microseconds, a call through the thread pool ten times as long.
   */
  #requireFree(put: WaitingPut): void {
    try {
      if (statSync(this.#pathOf(put), { throwIfNoEntry: false }) !== undefined) put.failure = alreadyExists();
    } catch (error) {
      put.failure = writeError(error);
    }
  }

  async #syncData(put: WaitingPut): Promise<void> {
    await put.file.sync();
    failpoint('object-store.after-fsync');
  }

  #appendAttributes(puts: readonly WaitingPut[]): Promise<void> {
    return eachFolder(puts, (keyFolder, ofFolder) =>
      this.#logs.append(keyFolder, ofFolder.map((put) => logLine(put.name, put.attributes)).join('')),
    );
  }

  async #giveName(put: WaitingPut): Promise<void> {
    const path = this.#pathOf(put);
    const folder = this.#folders.objectPath(put.keyFolder);
    await this.#folders.ensure(folder);
    try {
      await link(put.file.path, path);
    } catch (error) {
      if (isTaken(error)) throw alreadyExists();
      if (!isAbsent(error)) throw error;
      // The folder was believed to exist: look again, unless the whole volume is gone.
      await this.#folders.forget();
      await this.#logs.close();
      await this.#folders.ensure(folder);
      await link(put.file.path, path);
    }
  }
}

function alreadyExists(): CairnError {
  return new CairnError('object-store.already-exists', 'An object with this key exists already.');
}

function unfailed(puts: readonly WaitingPut[]): WaitingPut[] {
  return puts.filter((put) => put.failure === undefined);
}

/** Runs `work` for every put that has not failed; a failure is that put's alone. */
async function eachUnfailed(puts: readonly WaitingPut[], work: (put: WaitingPut) => Promise<void>): Promise<void> {
  await Promise.all(
    unfailed(puts).map(async (put) => {
      try {
        await work(put);
      } catch (error) {
        put.failure ??= writeError(error);
      }
    }),
  );
}

/** Runs `work` for each key folder among the puts; a failure is that of all puts of the folder. */
async function eachFolder(
  puts: readonly WaitingPut[],
  work: (keyFolder: string, ofFolder: readonly WaitingPut[]) => Promise<void>,
): Promise<void> {
  const byFolder = Map.groupBy(puts, (put) => put.keyFolder);
  await Promise.all(
    Array.from(byFolder, async ([keyFolder, ofFolder]) => {
      try {
        await work(keyFolder, ofFolder);
      } catch (error) {
        for (const put of ofFolder) put.failure ??= writeError(error);
      }
    }),
  );
}
