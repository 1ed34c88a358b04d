import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { systemScope } from '@cairn/core';
import { FilesystemObjectStore } from '@cairn/object-store/filesystem';
import { makeTempDir } from '@cairn/testing';

const scope = systemScope('default');
const POINTS = ['after-write', 'after-fsync', 'after-attributes', 'after-link', 'after-dirsync'];

describe('a store whose process is killed (case 95)', () => {
  it.each(POINTS)('has every acknowledged object whole, and no half one, after kill -9 %s', async (point) => {
    const folder = await makeTempDir();
    try {
      for (const hit of [1, 7]) {
        const data = join(folder.path, `${hit}`);
        const acknowledged = await putUntilKilled(data, `object-store.${point}`, hit);
        if (hit > 1) expect(acknowledged.length).toBeGreaterThan(0);
        await expectWhole(data, acknowledged);
      }
    } finally {
      await folder.remove();
    }
  });
});

/** Keys whose puts had resolved before the process died. */
async function putUntilKilled(data: string, point: string, hit: number): Promise<string[]> {
  const program = join(import.meta.dirname, 'put-until-killed.program.ts');
  const child = spawn(process.execPath, ['--conditions=@cairn/source', program, data, point, `${hit}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output, [, signal]] = await Promise.all([text(child.stdout), once(child, 'exit') as Promise<[number | null, string | null]>]);
  expect(signal).toBe('SIGKILL');
  return output.split('\n').filter((key) => key !== '');
}

async function expectWhole(data: string, acknowledged: readonly string[]): Promise<void> {
  const store = await FilesystemObjectStore.open({ folder: data });
  const listed: string[] = [];
  for await (const { key } of store.list(scope, 'landing/default/')) {
    listed.push(key);
    let content = '';
    for await (const chunk of (await store.get(scope, key)).chunks) content += Buffer.from(chunk).toString();
    expect(content).toBe(key.padEnd(20_000, '.').repeat(4));
    expect((await store.head(scope, key))?.attributes).toEqual({ key });
  }
  expect(acknowledged.filter((key) => !listed.includes(key))).toEqual([]);
  expect(await readdir(join(data, 'tmp'))).toEqual([]);
  await store.put(scope, 'landing/default/h0/after', oneChunk('after'));
  await store.close();
}

async function* oneChunk(content: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(content);
}
