import { mkdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

const HEARTBEAT_MS = 5_000;
const STALE_AFTER_MS = 60_000;

/** Where downloads and builds live, outside the repository: `CAIRN_CACHE`, else `~/.cache/cairn`. */
export function cacheFolder(): string {
  return process.env['CAIRN_CACHE'] ?? join(homedir(), '.cache/cairn');
}

/**
 * Runs `work` while no other process holds the lock of this name. The lock is a folder whose time its holder renews, so that one
 * left by a killed process is taken over after a minute however long an honest build may last.
 */
export async function withLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  const path = join(cacheFolder(), `${name}.lock`);
  await mkdir(dirname(path), { recursive: true });
  while (!(await tryLock(path))) await new Promise((resolve) => setTimeout(resolve, 200));
  const heartbeat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    await rm(path, { recursive: true, force: true });
  }
}

async function tryLock(path: string): Promise<boolean> {
  const taken = await mkdir(path).then(
    () => true,
    () => false,
  );
  if (taken) return true;
  const held = await stat(path).catch(() => undefined);
  if (held !== undefined && Date.now() - held.mtimeMs > STALE_AFTER_MS) await rm(path, { recursive: true, force: true });
  return false;
}

/**
 * The cached folder `<name>`, made by `make` in a temporary folder beside it when it is not there yet: a folder of this name is
 * always complete. Parallel callers, in other processes too, wait for the one that makes it.
 */
export async function cached(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder(), name);
  if (await exists(folder)) return folder;
  return withLock(name, async () => {
    if (await exists(folder)) return folder;
    const unfinished = `${folder}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true });
    await make(unfinished);
    await rename(unfinished, folder);
    return folder;
  });
}

/** True when there is a file or folder at the path. */
export function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
