import type { ObjectAttributes } from '../object-store.ts';
import { AttributeLog } from './attribute-log.ts';
import type { StoreFolders } from './store-folders.ts';

/** Logs held open: puts go to the running hour, few readers elsewhere. */
const MAX_OPEN_LOGS = 8;

/** The attribute logs of a store, the ones used last held open. */
export class AttributeLogs {
  readonly #folders: StoreFolders;
  readonly #open = new Map<string, { log: AttributeLog; users: number }>();

  constructor(folders: StoreFolders) {
    this.#folders = folders;
  }

  /** Appends a line to the log of a key folder; durable when it resolves. */
  append(keyFolder: string, line: string): Promise<void> {
    return this.#use(keyFolder, (log) => log.append(line));
  }

  /** The attributes put last for `<keyFolder>/<name>`; undefined when there are none. */
  find(keyFolder: string, name: string): Promise<ObjectAttributes | undefined> {
    return this.#use(keyFolder, (log) => log.find(name));
  }

  /** Closes every log; the next use opens it anew. */
  async close(): Promise<void> {
    const logs = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(logs.map(({ log }) => log.close()));
  }

  async #use<T>(keyFolder: string, work: (log: AttributeLog) => Promise<T>): Promise<T> {
    const entry = this.#open.get(keyFolder) ?? { log: new AttributeLog(this.#folders.attributesPath(keyFolder), this.#folders), users: 0 };
    this.#open.delete(keyFolder);
    this.#open.set(keyFolder, entry);
    entry.users += 1;
    try {
      return await work(entry.log);
    } finally {
      entry.users -= 1;
      await this.#closeOldest();
    }
  }

  async #closeOldest(): Promise<void> {
    if (this.#open.size <= MAX_OPEN_LOGS) return;
    const idle = [...this.#open].find(([, entry]) => entry.users === 0);
    if (idle === undefined) return;
    this.#open.delete(idle[0]);
    await idle[1].log.close();
  }
}
