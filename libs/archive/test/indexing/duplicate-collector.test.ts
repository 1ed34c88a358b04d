import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TINY, aStudy } from '@cairn/testing';
import { all, anArchive, documentsOf, keysOf, scope, store } from '../archive-fixture.ts';
import type { Archive } from '../archive-fixture.ts';

const [first, second] = aStudy({ ...TINY, seed: 9, instances: 2 }).instances;

describe('DuplicateCollector', () => {
  let archive: Archive;

  beforeEach(async () => {
    archive = await anArchive();
    await archive.startIndexer();
    for (const instance of [first!, second!, first!, first!]) await store(archive.pipeline, instance.bytes());
    await archive.settled();
  });

  afterEach(() => archive.close());

  it('removes the objects of duplicates, keeps their receipts, and writes it down', async () => {
    expect(await archive.collector().run(scope)).toEqual({ removed: 2, kept: 0 });
    expect(await keysOf(archive.objectStore)).toHaveLength(2);
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = first!;
    const { versions } = (await archive.metadataStore.instance(scope, { studyInstanceUid, seriesInstanceUid, sopInstanceUid }))!;
    expect(versions[0]!.receipts.map(({ location }) => location === undefined)).toEqual([false, true, true]);
    expect(await keysOf(archive.objectStore, 'journal/default/')).toHaveLength(2);
    expect(await archive.collector().run(scope)).toEqual({ removed: 0, kept: 0 });
  });

  it('leaves young duplicates alone', async () => {
    expect(await archive.collector(60_000).run(scope)).toEqual({ removed: 0, kept: 0 });
    expect(await keysOf(archive.objectStore)).toHaveLength(4);
  });

  it.each(['damaged', 'missing'])('keeps every duplicate of an object that is %s', async (state) => {
    const [kept] = await keysOf(archive.objectStore);
    if (state === 'missing') await archive.objectStore.delete(scope, kept!);
    else await writeFile(join(archive.folder, 'objects', kept!), Buffer.alloc(first!.bytes().length));
    expect(await archive.collector().run(scope)).toEqual({ removed: 0, kept: 2 });
    expect(await keysOf(archive.objectStore)).toHaveLength(state === 'missing' ? 3 : 4);
    expect(archive.logged.some(({ event }) => event === 'index.kept-object-damaged')).toBe(true);
  });

  it('is finished by the reconciler when a crash came after the fact was written', async () => {
    const [duplicate] = await archive.metadataStore.duplicates(scope, 1);
    const { instance, version } = duplicate!;
    const { sha256DataSet, transferSyntaxUid, source } = version;
    const receipt = duplicate!.duplicate.ulid;
    await archive.journal.write(scope, { type: 'duplicate-collected', instance, sha256DataSet, transferSyntaxUid, receipt, source }, [
      receipt,
    ]);
    await archive.reconciler().run();
    expect((await keysOf(archive.objectStore)).some((key) => key.includes(receipt))).toBe(false);
    expect(await archive.collector().run(scope)).toEqual({ removed: 1, kept: 0 });
  });

  it('leaves what is retrieved unchanged', async () => {
    const selector = { studyInstanceUid: first!.studyInstanceUid };
    const before = await all(archive.metadataStore.instances(scope, selector, {}));
    await archive.collector().run(scope);
    const after = await all(archive.metadataStore.instances(scope, selector, {}));
    expect(after.map(({ version }) => version.location)).toEqual(before.map(({ version }) => version.location));
    expect((await documentsOf(archive.metadataStore)).length).toBeGreaterThan(0);
  });
});
