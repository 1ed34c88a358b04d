import {
  access as accessCallback,
  close as closeCallback,
  fdatasync as fdatasyncCallback,
  fsync as fsyncCallback,
  link as linkCallback,
  open as openCallback,
  read as readCallback,
  unlink as unlinkCallback,
  writev as writevCallback,
} from 'node:fs';
import { promisify } from 'node:util';

/*
 * Calls on plain file descriptors as promises: FileHandle objects of node:fs/promises cost several times as much CPU a call,
 * which is what a store of many small objects spends its time on.
 */
export const access = promisify(accessCallback);
export const close = promisify(closeCallback);
export const fdatasync = promisify(fdatasyncCallback);
export const fsync = promisify(fsyncCallback);
export const link = promisify(linkCallback);
export const unlink = promisify(unlinkCallback);

const openFile = promisify(openCallback) as (path: string, flags: string | number, mode?: number) => Promise<number>;

/** Opens a file and gives its descriptor. */
export function open(path: string, flags: string | number): Promise<number> {
  return openFile(path, flags, 0o640);
}

/** Writes all chunks at `position`, whatever pieces the system takes them in. */
export async function writeAll(fd: number, chunks: readonly Uint8Array[], position: number): Promise<void> {
  let rest = chunks;
  let at = position;
  while (rest.length > 0) {
    const written = await writeSome(fd, rest, at);
    at += written;
    rest = dropBytes(rest, written);
  }
}

/** Reads `length` bytes at `position`, into a buffer of that length where one is given; fewer only at the file's end. */
export async function readFully(
  fd: number,
  position: number,
  length: number,
  buffer: Buffer = Buffer.allocUnsafeSlow(length),
): Promise<Buffer> {
  let filled = 0;
  while (filled < length) {
    const count = await readSome(fd, buffer, filled, position + filled);
    if (count === 0) return buffer.subarray(0, filled);
    filled += count;
  }
  return buffer;
}

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const fd = await open(path, 'r');
  try {
    await fsync(fd);
  } finally {
    await close(fd);
  }
}

function writeSome(fd: number, chunks: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    writevCallback(fd, chunks, position, (error, written) => (error === null ? resolve(written) : reject(error)));
  });
}

function readSome(fd: number, buffer: Buffer, filled: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    readCallback(fd, buffer, filled, buffer.length - filled, position, (error, count) => (error === null ? resolve(count) : reject(error)));
  });
}

function dropBytes(chunks: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let left = count;
  let index = 0;
  while (index < chunks.length && left >= chunks[index]!.length) left -= chunks[index++]!.length;
  const rest = chunks.slice(index);
  if (left > 0) rest[0] = rest[0]!.subarray(left);
  return rest;
}
