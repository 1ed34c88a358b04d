import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemScope } from '@cairn/core';
import { aReceipt, json, ulidOf } from '@cairn/metadata-store/contract';
import { SqliteMetadataStore } from '@cairn/metadata-store/sqlite';
import { makeTempDir } from '@cairn/testing';
import type { TempDir } from '@cairn/testing';

const scope = systemScope('default');
/** Starts processes and walks thousands of studies: a busy machine needs its time. */
const TIMEOUT_MS = 60_000;

describe('SqliteMetadataStore and its file', () => {
  let folder: TempDir;
  let file: string;

  beforeEach(async () => {
    folder = await makeTempDir();
    file = `${folder.path}/deep/er/index.db`;
  });

  afterEach(() => folder.remove());

  it('holds what was recorded when it is opened again', async () => {
    const first = await SqliteMetadataStore.open({ file });
    await first.recordReceipts(scope, [aReceipt(1)]);
    await first.close();
    const second = await SqliteMetadataStore.open({ file });
    expect(await second.knownReceipts(scope, [ulidOf(1), ulidOf(2)])).toEqual(new Set([ulidOf(1)]));
    expect(await second.recordReceipts(scope, [aReceipt(1)])).toMatchObject([{ outcome: 'redelivered' }]);
    await second.close();
  });

  it('holds jobs when the index was deleted', async () => {
    const first = await SqliteMetadataStore.open({ file });
    await first.putJob(scope, { id: 'id', type: 'type', payload: 'payload', dueMs: 0 });
    await first.close();
    for (const suffix of ['', '-wal', '-shm']) await rm(file + suffix, { force: true });
    const second = await SqliteMetadataStore.open({ file });
    expect(await second.claimJob(scope, 'type', 1, 10)).toMatchObject({ id: 'id', payload: 'payload' });
    await second.close();
  });

  it(
    'holds every batch that was acknowledged before kill -9',
    async () => {
      const writer = spawn(process.execPath, ['--conditions=@cairn/source', new URL('endless-writer.ts', import.meta.url).pathname, file], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let acknowledged = 0;
      writer.stdout.on('data', (chunk: Buffer) => (acknowledged += chunk.length));
      while (acknowledged < 20) await delay(5);
      writer.kill('SIGKILL');
      await once(writer, 'close');
      const store = await SqliteMetadataStore.open({ file });
      const ulids = Array.from({ length: acknowledged }, (_, index) => ulidOf(index + 1));
      expect((await store.knownReceipts(scope, ulids)).size).toBe(acknowledged);
      const study = await store.study(scope, '1.2.1');
      expect(study!.numberOfInstances).toBeGreaterThanOrEqual(acknowledged);
      await store.close();
    },
    TIMEOUT_MS,
  );

  it.each([
    [
      'is no database',
      'not a database',
      (path: string) => writeFile(path, 'no database at all, but long enough to have a header'.repeat(10)),
    ],
    [
      'has other tables',
      'rebuild it',
      (path: string) => {
        const db = new DatabaseSync(path);
        db.exec('PRAGMA user_version = 999');
        db.close();
        return Promise.resolve();
      },
    ],
  ])('refuses a file that %s and says so: %s', async (_, reason, write) => {
    const path = `${folder.path}/index.db`;
    await write(path);
    const opening = SqliteMetadataStore.open({ file: path });
    await expect(opening).rejects.toMatchObject({ code: 'metadata-store.unavailable' });
    await expect(opening).rejects.toThrow(reason);
  });

  it('refuses a folder that cannot be made', async () => {
    await writeFile(`${folder.path}/file`, '');
    await expect(SqliteMetadataStore.open({ file: `${folder.path}/file/index.db` })).rejects.toMatchObject({
      code: 'metadata-store.unavailable',
    });
  });

  it('finishes calls under way when it is closed and refuses later ones', async () => {
    const store = await SqliteMetadataStore.open({ file });
    const recorded = store.recordReceipts(scope, [aReceipt(1)]);
    const closed = store.close();
    await expect(recorded).resolves.toMatchObject([{ outcome: 'new' }]);
    await closed;
    await expect(store.study(scope, '1.2.1')).rejects.toMatchObject({ code: 'metadata-store.unavailable' });
    await expect(store.check(scope)).rejects.toMatchObject({ code: 'metadata-store.unavailable' });
  });

  it(
    'lets others in during a long walk, and ends it when it is aborted',
    async () => {
      const store = await SqliteMetadataStore.open({ file });
      const receipts = Array.from({ length: 3000 }, (_, index) =>
        aReceipt(index, { study: `1.${index}`, attributes: { '00100020': json('LO', `P${index}`) } }),
      );
      await store.recordReceipts(scope, receipts);
      const none = { kind: 'wildcard', path: ['00200010'], vr: 'SH', patterns: ['never*'], folded: true } as const;
      const plan = { level: 'study', clauses: [none], limit: 1, offset: 0, withHeader: false, withPatient: false } as const;
      const order: string[] = [];
      const walk = store.query(scope, plan).then(() => order.push('walk'));
      const read = store.study(scope, '1.7').then(() => order.push('read'));
      await Promise.all([walk, read]);
      expect(order).toEqual(['read', 'walk']);

      const abort = new AbortController();
      const aborted = store.query(scope, plan, abort.signal);
      abort.abort(new Error('enough'));
      await expect(aborted).rejects.toThrow('enough');
      expect(await store.study(scope, '1.7')).toBeDefined();
      await store.close();
    },
    TIMEOUT_MS,
  );
});
