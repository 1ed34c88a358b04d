import { close, fsync, open } from './file-calls.ts';

/** Folders held open: puts go to the running hour, few deletions elsewhere. */
const MAX_OPEN_FOLDERS = 8;

/** A folder held open; what is done with its descriptor is done one after the other. */
interface OpenFolder {
  fd: Promise<number>;
  last: Promise<unknown>;
}

/** Makes names in folders durable. The folders used last stay open, for a sync then costs one call instead of three. */
export class FolderSyncs {
  readonly #open = new Map<string, OpenFolder>();

  /** Resolves when the names in the folder survive a power cut. */
  async sync(path: string): Promise<void> {
    const folder = this.#openFolder(path);
    const synced = folder.last.then(async () => fsync(await folder.fd));
    folder.last = synced.catch(() => undefined);
    try {
      await synced;
    } catch (error) {
      if (this.#open.get(path) === folder) await this.#close(path, folder);
      throw error;
    }
  }

  /** Closes the folders held open; the next sync opens its folder anew. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#open, ([path, folder]) => this.#close(path, folder)));
  }

  #openFolder(path: string): OpenFolder {
    const folder = this.#open.get(path) ?? { fd: open(path, 'r'), last: Promise.resolve() };
    folder.fd.catch(() => undefined);
    this.#open.delete(path);
    this.#open.set(path, folder);
    const [oldest] = this.#open;
    if (this.#open.size > MAX_OPEN_FOLDERS && oldest !== undefined) void this.#close(...oldest);
    return folder;
  }

  async #close(path: string, folder: OpenFolder): Promise<void> {
    this.#open.delete(path);
    await folder.last;
    await folder.fd.then(close).catch(() => undefined);
  }
}
