import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { CairnError } from '@cairn/core';
import { access, close, fdatasync, open, syncFolder, writeAll } from './file-calls.ts';
import { isAbsent, isTaken, writeError } from './filesystem-errors.ts';
import { FolderSyncs } from './folder-syncs.ts';

/** Lies in the data folder and in `objects/`: where it is missing, the volume is not mounted and nothing may be made in its place. */
const MARKER = '.cairn-store';
const MAX_KNOWN_FOLDERS = 4096;

/**
 * The folders of a store: `objects/<key>`, `attributes/<key's folder>.log`, `tmp/`. New ones are durable before anything is put
 * into them, and are made only while the marker shows that the volume is the right one.
 */
export class StoreFolders {
  readonly root: string;
  readonly temporary: string;
  readonly #known = new Set<string>();
  readonly #syncs = new FolderSyncs();

  private constructor(root: string) {
    this.root = root;
    this.temporary = join(root, 'tmp');
  }

  /** Makes a new store in an empty or absent folder, or opens an existing one and clears its temporary files. */
  static async open(root: string): Promise<StoreFolders> {
    const folders = new StoreFolders(resolve(root));
    try {
      await folders.#makeRoot();
      await folders.requireMounted();
      await mkdir(join(folders.root, 'attributes'), { recursive: true });
      await mkdir(folders.temporary, { recursive: true });
      await syncFolder(folders.root);
      for (const name of await readdir(folders.temporary)) await rm(join(folders.temporary, name), { recursive: true, force: true });
      return folders;
    } catch (error) {
      throw CairnError.is(error) ? error : writeError(error);
    }
  }

  objectPath(key: string): string {
    return `${this.root}/objects/${key}`;
  }

  /** The attributes' log of the objects in a key folder such as `landing/default/2026010112`. */
  attributesPath(keyFolder: string): string {
    return `${this.root}/attributes/${keyFolder}.log`;
  }

  /** Makes the folder and those above it durably; one that was made before is believed until {@link forget}. */
  async ensure(folder: string): Promise<void> {
    if (this.#known.has(folder) || folder === this.root) return;
    await this.requireMounted();
    await this.#make(folder);
    if (this.#known.size >= MAX_KNOWN_FOLDERS) this.#known.clear();
    this.#known.add(folder);
  }

  /** Makes the names in a folder durable. */
  sync(folder: string): Promise<void> {
    return this.#syncs.sync(folder);
  }

  /** Drops what is believed of existing folders: something was found missing. */
  async forget(): Promise<void> {
    this.#known.clear();
    await this.#syncs.close();
  }

  /** Closes what is held open. */
  close(): Promise<void> {
    return this.#syncs.close();
  }

  /** Throws `object-store.unavailable` when the data folder or its `objects` are not those that were made. */
  async requireMounted(): Promise<void> {
    try {
      await access(join(this.root, MARKER));
      await access(join(this.root, 'objects', MARKER));
    } catch (error) {
      await this.forget();
      throw new CairnError('object-store.unavailable', 'The data folder or its objects lack the marker file: a volume is not mounted.', {
        retriable: true,
        cause: error,
      });
    }
  }

  async #make(folder: string): Promise<void> {
    const parent = dirname(folder);
    try {
      await mkdir(folder);
    } catch (error) {
      if (isAbsent(error) && parent !== this.root) {
        await this.#make(parent);
        return this.#make(folder);
      }
      if (!isTaken(error)) throw error;
    }
    await syncFolder(parent);
  }

  async #makeRoot(): Promise<void> {
    const first = await mkdir(this.root, { recursive: true });
    if (first !== undefined) await syncMade(first, this.root);
    try {
      await access(join(this.root, MARKER));
    } catch (error) {
      if (!isAbsent(error)) throw error;
      await mkdir(join(this.root, 'objects'), { recursive: true });
      // The root's marker comes last: with it the store counts as made, and its objects' marker must be there.
      for (const folder of [join(this.root, 'objects'), this.root]) {
        await writeMarker(join(folder, MARKER));
        await syncFolder(folder);
      }
    }
  }
}

/** A start cut short may have left one behind. */
async function writeMarker(path: string): Promise<void> {
  const fd = await open(path, 'w');
  try {
    await writeAll(fd, [Buffer.from(`${randomUUID()}\n`)], 0);
    await fdatasync(fd);
  } finally {
    await close(fd);
  }
}

/** Makes the names of newly made folders durable, from the parent of the first down to the last. */
async function syncMade(first: string, last: string): Promise<void> {
  for (let folder = last; ; folder = dirname(folder)) {
    await syncFolder(dirname(folder));
    if (folder === first || folder === dirname(folder)) return;
  }
}
