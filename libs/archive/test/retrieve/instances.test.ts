import { existsSync, readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RetrievableInstance } from '@cairn/metadata-store';
import { EXPLICIT, JPEG, anArchive, collect, documentOf, firstOf, listOf, scope } from './fixture.ts';
import type { Archive } from './fixture.ts';

const META = Buffer.from('preamble and meta information');
const DATA_SET = Buffer.from('data set, byte for byte');
const FILE = Buffer.concat([META, DATA_SET]);

describe('instances of an ArchiveRetriever', () => {
  let archive: Archive;
  beforeEach(async () => (archive = await anArchive()));
  afterEach(() => archive.close());

  it('gives the file as stored, also out of a pack', async () => {
    await archive.add({ bytes: FILE, dataSetOffset: META.length, before: Buffer.from('member before') });
    const instance = await firstOf(archive, { studyInstanceUid: '1.2.3' });
    for (const wanted of ['*', EXPLICIT]) {
      const outgoing = await archive.retriever.openInstance(scope, instance, wanted);
      expect(outgoing).toMatchObject({ transferSyntaxUid: EXPLICIT, sizeBytes: FILE.length });
      expect(await collect(outgoing.chunks)).toEqual(FILE);
    }
  });

  it('gives the data set alone', async () => {
    await archive.add({ bytes: FILE, dataSetOffset: META.length, transferSyntaxUid: JPEG });
    const instance = await firstOf(archive, { studyInstanceUid: '1.2.3' });
    const outgoing = await archive.retriever.openDataSet(scope, instance, JPEG);
    expect(outgoing).toMatchObject({ transferSyntaxUid: JPEG, sizeBytes: DATA_SET.length });
    expect(await collect(outgoing.chunks)).toEqual(DATA_SET);
  });

  it('refuses what it cannot give before opening anything', async () => {
    await archive.add({ bytes: FILE, dataSetOffset: META.length, transferSyntaxUid: JPEG });
    const instance = await firstOf(archive, { studyInstanceUid: '1.2.3' });
    expect(archive.retriever.canGive(JPEG, EXPLICIT)).toBe(false);
    const error = { code: 'dicom.transcode-unsupported', details: { stored: JPEG, wanted: EXPLICIT } };
    await expect(archive.retriever.openInstance(scope, instance, EXPLICIT)).rejects.toMatchObject(error);
    await expect(archive.retriever.openDataSet(scope, instance, EXPLICIT)).rejects.toMatchObject(error);
  });

  it('refuses a selector that finds nothing', async () => {
    await expect(archive.retriever.select(scope, { studyInstanceUid: '9' })).rejects.toMatchObject({ code: 'archive.not-found' });
    await expect(archive.retriever.metadata(scope, { studyInstanceUid: '9' }, '')).rejects.toMatchObject({ code: 'archive.not-found' });
  });

  it('stops when the caller has gone', async () => {
    await archive.add({ bytes: FILE });
    const instance = await firstOf(archive, { studyInstanceUid: '1.2.3' });
    await expect(archive.retriever.openInstance(scope, instance, '*', AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  });

  describe('whose object is gone', () => {
    let instance: RetrievableInstance;
    beforeEach(async () => {
      await archive.add({ bytes: FILE, dataSetOffset: META.length });
      instance = await firstOf(archive, { studyInstanceUid: '1.2.3' });
    });

    it('are read from where they lie now, when a duplicate was collected meanwhile', async () => {
      const { version } = instance;
      const location = { key: 'landing/default/2024022911/kept.dcm', offset: 0, length: FILE.length };
      await archive.objects.copy(scope, version.location.key, location.key);
      await archive.objects.delete(scope, version.location.key);
      archive.index.relocated = documentOf(instance, { ...version, location });
      expect(await collect((await archive.retriever.openInstance(scope, instance, '*')).chunks)).toEqual(FILE);
    });

    it('give object-store.not-found when no other place is known', async () => {
      await archive.objects.delete(scope, instance.version.location.key);
      await expect(archive.retriever.openInstance(scope, instance, '*')).rejects.toMatchObject({ code: 'object-store.not-found' });
      archive.index.relocated = documentOf(instance, { ...instance.version, sha256DataSet: 'other content' });
      await expect(archive.retriever.openInstance(scope, instance, '*')).rejects.toMatchObject({ code: 'object-store.not-found' });
    });

    it('are looked for once only', async () => {
      const location = { ...instance.version.location, key: 'landing/default/2024022911/gone-too.dcm' };
      await archive.objects.delete(scope, instance.version.location.key);
      archive.index.relocated = documentOf(instance, { ...instance.version, location });
      await expect(archive.retriever.openInstance(scope, instance, '*')).rejects.toMatchObject({ code: 'object-store.not-found' });
    });
  });
});

describe('openMany', () => {
  let archive: Archive;
  beforeEach(async () => (archive = await anArchive()));
  afterEach(() => archive.close());

  const wanted = (): string => '*';

  it('gives every instance in order, each with its bytes', async () => {
    for (let number = 0; number < 5; number++) await archive.add({ bytes: Buffer.from(`file ${number}`), dataSetOffset: 5 });
    const instances = await archive.retriever.select(scope, { studyInstanceUid: '1.2.3' });
    const texts: string[] = [];
    for await (const opened of archive.retriever.openMany(scope, instances, { form: 'data-set', wanted })) {
      if (opened.outgoing === undefined) throw opened.error;
      texts.push((await collect(opened.outgoing.chunks)).toString());
    }
    expect(texts).toEqual(['0', '1', '2', '3', '4']);
  });

  it('opens the next one, and only that, before its turn', async () => {
    const instances: RetrievableInstance[] = [];
    for (let number = 0; number < 4; number++) await archive.add({ bytes: FILE, dataSetOffset: META.length });
    for await (const each of await archive.retriever.select(scope, { studyInstanceUid: '1.2.3' })) instances.push(each);
    let asked = 0;
    const counting = (): string => {
      asked += 1;
      return '*';
    };
    const opened = archive.retriever.openMany(scope, instances, { form: 'part10', wanted: counting })[Symbol.asyncIterator]();
    await opened.next();
    expect(asked).toBe(2);
    await opened.return?.();
    expect(asked).toBe(2);
  });

  (existsSync('/proc/self/fd') ? it : it.skip)('closes what is not read to its end', async () => {
    const big = Buffer.alloc(3 * 1024 * 1024);
    for (let number = 0; number < 3; number++) await archive.add({ bytes: big });
    const openFiles = (): number => readdirSync('/proc/self/fd').length;
    const before = openFiles();
    const instances = await archive.retriever.select(scope, { studyInstanceUid: '1.2.3' });
    for await (const { outgoing } of archive.retriever.openMany(scope, instances, { form: 'data-set', wanted })) {
      for await (const chunk of outgoing!.chunks) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
    }
    const again = await archive.retriever.select(scope, { studyInstanceUid: '1.2.3' });
    expect(await listOf(archive.retriever.openMany(scope, again, { form: 'data-set', wanted }))).toHaveLength(3);
    expect(openFiles()).toBe(before);
  });

  it('gives one that cannot be opened with its error and goes on', async () => {
    await archive.add({ bytes: FILE, dataSetOffset: META.length, transferSyntaxUid: JPEG });
    await archive.add({ bytes: FILE, dataSetOffset: META.length });
    const instances = await archive.retriever.select(scope, { studyInstanceUid: '1.2.3' });
    const opened = await listOf(archive.retriever.openMany(scope, instances, { form: 'part10', wanted: () => EXPLICIT }));
    expect(opened[0]).toMatchObject({ error: { code: 'dicom.transcode-unsupported' } });
    expect(await collect(opened[1]!.outgoing!.chunks)).toEqual(FILE);
  });
});
