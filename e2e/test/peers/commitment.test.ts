import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DicomJson } from '@cairn/core';
import { TINY, aStudy, makeTempDir } from '@cairn/testing';
import type { PhantomInstance, TempDir } from '@cairn/testing';
import { startArchive } from '../harness/archive.ts';
import type { Archive } from '../harness/archive.ts';
import { PynetdicomPeer, describeWithPeer } from '../harness/peers.ts';
import type { CommitmentReport } from '../harness/peers.ts';
import { itStandalone } from '../harness/shape.ts';
import { eventually, stow } from '../harness/web.ts';

const MODALITY = 'CT1';
/** A lease of 15 s has to run out where a report was on its way. */
const TIMEOUT_MS = 120_000;

type Reference = readonly [sopClassUid: string, sopInstanceUid: string];

describeWithPeer('pynetdicom', 'storage commitment', () => {
  let folder: TempDir;
  let archive: Archive;
  let modality: PynetdicomPeer;
  let port: number;

  beforeAll(async () => {
    folder = await makeTempDir();
    modality = new PynetdicomPeer();
    ({ port } = await modality.listen(MODALITY, []));
    archive = await start();
  }, TIMEOUT_MS);

  afterAll(async () => {
    await modality?.close();
    await archive?.dispose();
    await folder?.remove();
  });

  function start(): Promise<Archive> {
    const env = { CAIRN_DICOM_PEERS: `${MODALITY}=127.0.0.1:${port}`, CAIRN_COMMITMENT_WAIT_S: '3', CAIRN_DRAIN_TIMEOUT_S: '5' };
    return startArchive({ dataDir: folder.path, env });
  }

  /** Stores instances; gives the files of the objects that this made, in their order. */
  async function stored(...instances: readonly PhantomInstance[]): Promise<string[]> {
    const before = new Set(await archive.storedObjects());
    for (const instance of instances) expect((await stow(archive, [instance.bytes()])).status).toBe(200);
    const made = (await archive.storedObjects()).filter((key) => !before.has(key)).toSorted();
    return made.map((key) => join(archive.dataDir, 'objects', key));
  }

  async function ask(transactionUid: string, references: readonly Reference[]): Promise<void> {
    expect(await modality.commit(archive, transactionUid, references, MODALITY)).toEqual({ status: 0, comment: '' });
  }

  function reports(): Promise<CommitmentReport[]> {
    return eventually(
      () => modality.reported(),
      (found) => found.length > 0,
      60_000,
    );
  }

  it('commits instances that were stored a moment ago, on an association of its own', async () => {
    const { instances } = aStudy({ ...TINY, seed: 2201, instances: 3 });
    await stored(...instances);
    await ask('2.25.2201', instances.map(referenceOf));
    const [report, ...others] = await reports();
    expect(others).toEqual([]);
    expect(report).toMatchObject({ eventTypeId: 1, calling: archive.aeTitle });
    expect(committedOf(report!)).toEqual(instances.map(referenceOf));
    expect(report!.information).toMatchObject({ '00081195': { Value: ['2.25.2201'] }, '00080054': { Value: [archive.aeTitle] } });
    expect(report!.information).not.toHaveProperty('00081198');
  });

  it('case 22: an unknown instance, and one of another class, are in the failed list; the others are committed', async () => {
    const [instance, other] = aStudy({ ...TINY, seed: 2202, instances: 2 }).instances;
    await stored(instance!, other!);
    const unknown: Reference = [instance!.sopClassUid, '2.25.404'];
    const conflict: Reference = ['1.2.840.10008.5.1.4.1.1.4', other!.sopInstanceUid];
    await ask('2.25.2202', [unknown, referenceOf(instance!), conflict]);
    const [report] = await reports();
    expect(report).toMatchObject({ eventTypeId: 2 });
    expect(committedOf(report!)).toEqual([referenceOf(instance!)]);
    expect(failedOf(report!)).toEqual([
      [...unknown, 0x0112],
      [...conflict, 0x0119],
    ]);
  });

  itStandalone('case 22: instances whose objects are damaged or missing are in the failed list, whatever the index says', async () => {
    const [damaged, missing, whole] = aStudy({ ...TINY, seed: 2203, instances: 3 }).instances;
    const [first, second] = await stored(damaged!, missing!, whole!);
    const bytes = await readFile(first!);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(first!, bytes);
    await rm(second!);
    await ask('2.25.2203', [damaged!, missing!, whole!].map(referenceOf));
    const [report] = await reports();
    expect(report).toMatchObject({ eventTypeId: 2 });
    expect(committedOf(report!)).toEqual([referenceOf(whole!)]);
    expect(failedOf(report!)).toEqual([damaged!, missing!].map((instance) => [...referenceOf(instance), 0x0110]));
  });

  itStandalone('case 104: another copy of the bytes is not the object that the archive would give', async () => {
    const [instance] = aStudy({ ...TINY, seed: 2204 }).instances;
    const [kept, copy] = await stored(instance!, instance!);
    expect(existsSync(copy!)).toBe(true);
    await rm(kept!);
    await ask('2.25.2204', [referenceOf(instance!)]);
    const [report] = await reports();
    expect(failedOf(report!)).toEqual([[...referenceOf(instance!), 0x0110]]);
  });

  it('refuses a caller to whom it could not report', async () => {
    const [instance] = aStudy({ ...TINY, seed: 2205 }).instances;
    expect(await modality.commit(archive, '2.25.2205', [referenceOf(instance!)], 'STRANGER')).toMatchObject({ status: 0x0110 });
  });

  it(
    'reports after a kill -9 that came before any report, once the modality is there again',
    async () => {
      const [instance] = aStudy({ ...TINY, seed: 2206 }).instances;
      await stored(instance!);
      await modality.stopListening();
      await ask('2.25.2206', [referenceOf(instance!)]);
      await archive.kill();
      archive = await start();
      await modality.listen(MODALITY, [], port);
      const [report] = await reports();
      expect(committedOf(report!)).toEqual([referenceOf(instance!)]);
    },
    TIMEOUT_MS,
  );

  it(
    'reports again after a kill -9 while a report was on its way',
    async () => {
      const [instance] = aStudy({ ...TINY, seed: 2207 }).instances;
      await stored(instance!);
      await modality.hold(60);
      await ask('2.25.2207', [referenceOf(instance!)]);
      await reports();
      await archive.kill();
      await modality.hold(0);
      archive = await start();
      const [report] = await reports();
      expect(report).toMatchObject({ eventTypeId: 1, information: { '00081195': { Value: ['2.25.2207'] } } });
    },
    TIMEOUT_MS,
  );
});

function referenceOf({ sopClassUid, sopInstanceUid }: PhantomInstance): Reference {
  return [sopClassUid, sopInstanceUid];
}

function committedOf({ information }: CommitmentReport): unknown[] {
  return itemsOf(information, '00081199').map((item) => [valueOf(item, '00081150'), valueOf(item, '00081155')]);
}

function failedOf({ information }: CommitmentReport): unknown[] {
  return itemsOf(information, '00081198').map((item) => [valueOf(item, '00081150'), valueOf(item, '00081155'), valueOf(item, '00081197')]);
}

function itemsOf(information: DicomJson, tag: string): DicomJson[] {
  return (information[tag]?.Value ?? []) as DicomJson[];
}

function valueOf(item: DicomJson, tag: string): unknown {
  return item[tag]?.Value?.[0];
}
