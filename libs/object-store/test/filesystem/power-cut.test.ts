import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { makeTempDir } from '@cairn/testing';

/** Needs strace and the right to trace, which most hosts lack. */
const canTrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;

/** A call of the operating system: the lines of the trace at which it began and ended. */
interface Call {
  name: string;
  text: string;
  began: number;
  ended: number;
}

/*
 * What a power cut leaves is what was synced before it. So for every acknowledged object the trace must show, each ended before
 * the next began: its bytes written through to the disk, and its attributes; its name given; the folder of the name synced.
 */
describe('a store that loses its power (case 107)', () => {
  (canTrace ? it : it.skip)('has synced bytes, attributes and name of every object before it acknowledges it', async () => {
    const folder = await makeTempDir();
    try {
      const data = join(folder.path, 'data');
      const trace = join(folder.path, 'trace');
      const program = join(import.meta.dirname, 'put-until-killed.program.ts');
      const traced = 'trace=openat,pwritev,pwrite64,write,fdatasync,fsync,link';
      const child = [process.execPath, '--conditions=@cairn/source', program, data, 'object-store.after-dirsync', '12'];
      const { stdout } = spawnSync('strace', ['-f', '-y', '-s', '300', '-e', traced, '-o', trace, ...child], { encoding: 'utf8' });
      const keys = stdout.split('\n').filter((key) => key !== '');
      const calls = parseTrace(await readFile(trace, 'utf8'));
      expect(keys.length).toBeGreaterThan(10);
      for (const key of keys) expectSynced(calls, data, key);
    } finally {
      await folder.remove();
    }
  });
});

function expectSynced(calls: readonly Call[], data: string, key: string): void {
  const acknowledged = calls.find(({ name, text }) => name === 'write' && text.includes(`"${key}\\n`))!;
  const named = calls.find(({ name, text }) => name === 'link' && text.includes(`"${data}/objects/${key}"`))!;
  const temporary = /"([^"]+)"/.exec(named.text)![1]!;
  const opened = calls.find(({ name, text }) => name === 'openat' && text.includes(`"${temporary}"`))!;
  const written = calls.find(({ name, text }) => name === 'pwritev' && text.includes(`<${temporary}>`))!;
  const slash = key.lastIndexOf('/');
  const log = `<${data}/attributes/${key.slice(0, slash)}.log>`;
  const noted = calls.find(
    ({ name, text }) => name === 'pwrite64' && text.includes(log) && text.includes(`\\"${key.slice(slash + 1)}\\"`),
  )!;
  const logOpened = calls.filter(({ name, text }) => name === 'openat' && text.includes(log) && text.includes('O_DSYNC'));
  expect(opened.text).toContain('O_DSYNC');
  expect(logOpened.some(({ ended }) => ended < noted.began)).toBe(true);
  expect(written.ended).toBeLessThan(named.began);
  expect(noted.ended).toBeLessThan(named.began);
  const object = `${data}/objects/${key}`;
  expect(syncedBetween(calls, dirname(object), named.ended, acknowledged.began)).toBe(true);
  // The folders above were made by this process: their own names had to be synced too.
  for (let folder = dirname(object); folder !== data; folder = dirname(folder)) {
    expect(syncedBetween(calls, dirname(folder), 0, acknowledged.began)).toBe(true);
  }
}

function syncedBetween(calls: readonly Call[], folder: string, after: number, before: number): boolean {
  return calls.some(({ name, text, began, ended }) => name === 'fsync' && text.includes(`<${folder}>`) && began > after && ended < before);
}

/** Joins the two halves of calls that others interrupted. */
function parseTrace(trace: string): Call[] {
  const calls: Call[] = [];
  const unfinished = new Map<string, Call>();
  trace.split('\n').forEach((line, index) => {
    const [, process = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const begun = unfinished.get(process);
    if (rest.startsWith('<... ') && begun !== undefined) {
      unfinished.delete(process);
      calls.push({ ...begun, text: begun.text + rest, ended: index });
      return;
    }
    const call = { name: rest.slice(0, Math.max(0, rest.indexOf('('))), text: rest, began: index, ended: index };
    if (rest.includes('<unfinished')) unfinished.set(process, call);
    else calls.push(call);
  });
  return calls;
}
