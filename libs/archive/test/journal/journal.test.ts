import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { UlidFactory } from '@cairn/core';
import { TINY, aStudy } from '@cairn/testing';
import { preferVersion, resolveConflict } from '@cairn/archive';
import { readJournal } from '../../src/journal/read-journal.ts';
import { all, anArchive, keysOf, other, scope } from '../archive-fixture.ts';
import type { Archive } from '../archive-fixture.ts';

const resolved = (n: number): { type: 'conflict-resolved'; conflictId: string; action: string } => ({
  type: 'conflict-resolved',
  conflictId: `conflict ${n}`,
  action: 'accepted',
});

describe('the journal', () => {
  let archive: Archive;

  beforeEach(async () => {
    archive = await anArchive();
  });

  afterEach(() => archive.close());

  const read = async (where = scope): Promise<string[]> =>
    (await all(readJournal(archive.objectStore, where, { debug() {}, info() {}, warn() {}, error() {} })))
      .flat()
      .map((fact) => (fact.type === 'conflict-resolved' ? fact.conflictId : fact.type));

  it('gives facts of many callers few objects, and reads them in the order of their ULIDs', async () => {
    const numbers = Array.from({ length: 50 }, (_, n) => n);
    const facts = await Promise.all(numbers.map((n) => archive.journal.write(scope, resolved(n), [])));
    const keys = await keysOf(archive.objectStore, 'journal/default/');
    expect(keys.length).toBeLessThan(5);
    expect(facts.map(({ ulid }) => ulid)).toEqual(facts.map(({ ulid }) => ulid).sort());
    expect(await read()).toEqual(numbers.map((n) => `conflict ${n}`));
  });

  it('gives a fact a ULID after those of the receipts that it names', async () => {
    const ahead = new UlidFactory(() => Date.now() + 3_600_000).next();
    const { ulid } = await archive.journal.write(scope, resolved(1), [ahead]);
    expect(ulid > ahead).toBe(true);
  });

  it('keeps tenants apart', async () => {
    await Promise.all([archive.journal.write(scope, resolved(1), []), archive.journal.write(other, resolved(2), [])]);
    expect(await read(scope)).toEqual(['conflict 1']);
    expect(await read(other)).toEqual(['conflict 2']);
  });

  it('is skipped where it is damaged', async () => {
    await archive.journal.write(scope, resolved(1), []);
    const [key] = await keysOf(archive.objectStore, 'journal/default/');
    await appendFile(join(archive.folder, 'objects', key!), 'not a fact\n{"type":"conflict-resolved"}\n\n{"ty');
    expect(await read()).toEqual(['conflict 1']);
  });

  it('rejects every waiting caller when it cannot be written', async () => {
    await archive.objectStore.close();
    const writes = await Promise.allSettled([
      archive.journal.write(scope, resolved(1), []),
      archive.journal.record(scope, resolved(2), []),
    ]);
    expect(writes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('refuses decisions about what does not exist', async () => {
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = aStudy(TINY).instances[0]!;
    await expect(resolveConflict(archive, scope, 'unknown', 'accepted')).rejects.toMatchObject({ code: 'archive.not-found' });
    await expect(
      preferVersion(
        archive,
        scope,
        { studyInstanceUid, seriesInstanceUid, sopInstanceUid },
        { sha256DataSet: 'a', transferSyntaxUid: '1' },
      ),
    ).rejects.toMatchObject({ code: 'archive.not-found' });
  });
});
