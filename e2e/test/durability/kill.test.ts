import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { makeTempDir, seededBytes } from '@cairn/testing';
import type { TempDir } from '@cairn/testing';
import { runCairn, startArchive } from '../harness/archive.ts';
import type { Archive } from '../harness/archive.ts';
import { REPOSITORY } from '../harness/shape.ts';
import { eventually } from '../harness/web.ts';
import { Ledger } from './ledger.ts';
import { sendLoad } from './load.ts';
import { snapshot } from './snapshot.ts';

/** `npm run test:faults` raises these. */
const KILLS = Number(process.env['CAIRN_E2E_KILLS'] ?? 12);
const INSTANCES = 500;
const INSTANCES_PER_ROUND = 60;
/** Duplicates are collected while the archive is killed. */
const SETTINGS = { CAIRN_DUPLICATE_GRACE_S: '0', CAIRN_LOG_LEVEL: 'warn' };
const ROUND_TIMEOUT_MS = 60_000;

describe('kill -9 under load', () => {
  let folder: TempDir;
  const ledger = new Ledger();
  let kills = 0;
  let latest: Archive | undefined;

  beforeAll(async () => {
    folder = await makeTempDir();
  });

  // A failed test leaves its archive running.
  afterEach(() => latest?.kill());

  afterAll(() => folder.remove());

  async function start(env: Readonly<Record<string, string>> = {}): Promise<Archive> {
    latest = await startArchive({ dataDir: folder.path, env: { ...SETTINGS, ...env } });
    return latest;
  }

  /** One start, some load, one death; then every promise of all rounds so far is checked at a new start. */
  async function killed(archive: Archive, round: number, afterMs?: number): Promise<void> {
    const timer = afterMs === undefined ? undefined : setTimeout(() => void archive.kill(), afterMs);
    await sendLoad(archive, ledger, round, afterMs === undefined ? INSTANCES_PER_ROUND : Number.POSITIVE_INFINITY);
    if (afterMs !== undefined) await archive.exited;
    clearTimeout(timer);
    const exit = await archive.kill();
    if (exit.signal === 'SIGKILL') kills += 1;
    const next = await start();
    expect(await ledger.contradictions(next)).toEqual([]);
    await next.kill();
  }

  it('case 95: names every failpoint of the durable path', async () => {
    expect([...(await failpoints()).keys()]).toEqual(expect.arrayContaining(['object-store.after-write', 'object-store.after-fsync']));
  });

  it(
    'case 95, 107: at every failpoint, acknowledged instances survive whole and once',
    async () => {
      const names = [...(await failpoints()).keys()].filter((name) => !name.startsWith('rebuild'));
      const rounds = Math.max(names.length, Math.floor(KILLS / 2));
      for (let round = 0; round < rounds; round++) {
        const hit = 1 + Math.floor(round / names.length) * 7 + (round % 5);
        await killed(await start({ CAIRN_FAILPOINT: `${names[round % names.length]}:${hit}` }), round);
      }
    },
    ROUND_TIMEOUT_MS * KILLS,
  );

  it(
    'case 95, 107: at random moments, acknowledged instances survive whole and once',
    async () => {
      const moments = seededBytes(95, KILLS);
      for (let round = 0; kills < KILLS || round < KILLS / 2; round++)
        await killed(await start(), 1000 + round, 200 + moments[round % KILLS]! * 4);
      expect(kills).toBeGreaterThanOrEqual(KILLS);
    },
    ROUND_TIMEOUT_MS * KILLS,
  );

  it('case 112: a rebuilt index equals the live one', async () => {
    const archive = await start();
    for (let round = 5000; ledger.acknowledgedCount < INSTANCES; round++) await sendLoad(archive, ledger, round, INSTANCES_PER_ROUND);
    // The index of a running archive follows what it acknowledged.
    expect(
      await eventually(
        () => ledger.contradictions(archive),
        (found) => found.length === 0,
      ),
    ).toEqual([]);
    await archive.stop();
    const restarted = await start();
    const live = await snapshot(restarted);
    await restarted.stop();
    expect(await runCairn(['rebuild-index'], { CAIRN_DATA_DIR: folder.path, ...SETTINGS })).toMatchObject({ code: 0 });
    const rebuilt = await start();
    expect(await snapshot(rebuilt)).toEqual(live);
    expect(await ledger.contradictions(rebuilt)).toEqual([]);
    await rebuilt.stop();
  }, 180_000);

  it('a killed rebuild can be run again', async () => {
    const failpoint = [...(await failpoints()).keys()].find((name) => name.startsWith('rebuild'));
    const settings = { CAIRN_DATA_DIR: folder.path, ...SETTINGS };
    if (failpoint)
      expect(await runCairn(['rebuild-index'], { ...settings, CAIRN_FAILPOINT: failpoint })).toMatchObject({ signal: 'SIGKILL' });
    expect(await runCairn(['rebuild-index'], settings)).toMatchObject({ code: 0 });
    const archive = await start();
    expect(await ledger.contradictions(archive)).toEqual([]);
    await archive.stop();
  }, 120_000);

  it('leaves no half-written file behind', async () => {
    const archive = await start();
    await archive.stop();
    const names = await readdir(join(folder.path, 'objects'), { recursive: true });
    expect(names.filter((name) => /\.(tmp|part|partial)$/.test(name))).toEqual([]);
  });
});

/** The failpoints that the sources mark, with the file of each. */
async function failpoints(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const folder of ['libs', 'services']) {
    for (const name of await readdir(join(REPOSITORY, folder), { recursive: true })) {
      if (!/^[^/]+\/src\/.*\.ts$/.test(name) || name.startsWith('core/')) continue;
      const text = await readFile(join(REPOSITORY, folder, name), 'utf8');
      for (const match of text.matchAll(/\bfailpoint\('([^']+)'\)/g)) found.set(match[1]!, name);
    }
  }
  return found;
}
