import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of one test's own. */
export interface TempDir {
  path: string;
  /** Removes it with all in it; nothing happens when it is gone. */
  remove(): Promise<void>;
}

/** Makes an empty folder that no other test uses. */
export async function makeTempDir(): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), 'cairn-'));
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) };
}
