import { mkdirSync, accessSync, constants } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CairnError, errorMessage, systemErrorCode } from '@cairn/core';

/** The data folder, held by this process alone. */
export interface DataFolder {
  path: string;
  /** The folder for `name` inside, made when missing. */
  folder(name: string): string;
  /** Gives it free; once is enough. */
  release(): void;
}

/**
 * Makes the folder when missing and takes its lock, which ends with the process however it ends (SQLite's file lock).
 * Not writable or held by another process → `runtime.start-failed`.
 */
export function openDataFolder(path: string): DataFolder {
  const absolute = resolve(path);
  try {
    mkdirSync(absolute, { recursive: true });
    accessSync(absolute, constants.W_OK);
  } catch (error) {
    const reason = systemErrorCode(error) ?? 'unknown reason';
    throw new CairnError('runtime.start-failed', `The data folder ${absolute} cannot be made or written (${reason}).`, { cause: error });
  }
  const lock = takeLock(absolute);
  return {
    path: absolute,
    folder(name) {
      const folder = join(absolute, name);
      mkdirSync(folder, { recursive: true });
      return folder;
    },
    release: () => {
      if (lock.isOpen) lock.close();
    },
  };
}

function takeLock(folder: string): DatabaseSync {
  try {
    const database = new DatabaseSync(join(folder, 'lock.sqlite'));
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;');
    return database;
  } catch (error) {
    const busy = errorMessage(error)?.includes('locked') === true;
    const reason = busy ? 'is in use by another archive process' : 'cannot be locked';
    throw new CairnError('runtime.start-failed', `The data folder ${folder} ${reason}.`, { cause: error });
  }
}
