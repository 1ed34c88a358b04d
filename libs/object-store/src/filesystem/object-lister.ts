import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { isAbsent, readError } from './filesystem-errors.ts';

/** Sizes asked for at a time. */
const STAT_BATCH = 32;

/** An object found. */
interface ListedObject {
  key: string;
  sizeBytes: number;
}

/**
 * Objects below `root` whose keys begin with `prefix` and come after `after`, in ascending byte order of keys. Holds the names of
 * one folder per level of depth.
 */
export async function* listObjects(root: string, prefix: string, after = ''): AsyncGenerator<ListedObject> {
  yield* listFolder(root, prefix.slice(0, prefix.lastIndexOf('/') + 1), { prefix, after });
}

/** `base` is the folder's key with a slash at its end. */
async function* listFolder(root: string, base: string, wanted: { prefix: string; after: string }): AsyncGenerator<ListedObject> {
  let files: string[] = [];
  for (const key of await sortedKeys(root, base)) {
    if (!mayMatch(key, wanted)) continue;
    if (!key.endsWith('/')) files.push(key);
    if (files.length === STAT_BATCH || key.endsWith('/')) {
      yield* withSizes(root, files);
      files = [];
    }
    if (key.endsWith('/')) yield* listFolder(root, key, wanted);
  }
  yield* withSizes(root, files);
}

/** Keys of the folder's files, and of its folders with a slash at the end, which gives them their place in the order. */
async function sortedKeys(root: string, base: string): Promise<string[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(`${root}/${base}`, { withFileTypes: true });
  } catch (error) {
    if (isAbsent(error)) return [];
    throw readError(error);
  }
  return entries
    .filter((entry) => entry.isFile() || entry.isDirectory())
    .map((entry) => (entry.isDirectory() ? `${base}${entry.name}/` : base + entry.name))
    .sort(byBytes);
}

function mayMatch(key: string, { prefix, after }: { prefix: string; after: string }): boolean {
  if (!key.endsWith('/')) return key.startsWith(prefix) && key > after;
  return (key.startsWith(prefix) || prefix.startsWith(key)) && (key > after || after.startsWith(key));
}

async function* withSizes(root: string, keys: readonly string[]): AsyncGenerator<ListedObject> {
  const sizes = await Promise.all(keys.map((key) => sizeOf(`${root}/${key}`)));
  for (const [index, key] of keys.entries()) {
    const sizeBytes = sizes[index];
    if (sizeBytes !== undefined) yield { key, sizeBytes };
  }
}

/** Undefined when the file was removed meanwhile. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await lstat(path)).size;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw readError(error);
  }
}

/** Keys are ASCII: code units are bytes. */
function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
