import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TINY, TRANSFER_SYNTAX, aStudy, element } from '@cairn/testing';
import type { PhantomInstance } from '@cairn/testing';
import { startArchive } from '../harness/archive.ts';
import type { Archive } from '../harness/archive.ts';
import { readPart10 } from '../harness/part10.ts';
import { eventually, get, qido, stow, textOf } from '../harness/web.ts';

describe('one identity, several contents', () => {
  let archive: Archive;

  beforeAll(async () => {
    archive = await startArchive();
  }, 60_000);

  afterAll(() => archive?.dispose());

  function pathOf(instance: PhantomInstance): string {
    return `/studies/${instance.studyInstanceUid}/series/${instance.seriesInstanceUid}/instances/${instance.sopInstanceUid}`;
  }

  async function digestOf(instance: PhantomInstance): Promise<string> {
    const answer = await get(archive, pathOf(instance), 'application/dicom; transfer-syntax=*');
    return answer.status === 200 ? readPart10(Buffer.from(await answer.arrayBuffer())).sha256DataSet : `status ${answer.status}`;
  }

  async function countOf(instance: PhantomInstance): Promise<number> {
    return (await qido(archive, `/instances?SOPInstanceUID=${instance.sopInstanceUid}`)).length;
  }

  it('case 99: the same bytes from 16 sources at once are all stored as one instance', async () => {
    const instance = aStudy({ ...TINY, seed: 801 }).instances[0]!;
    const answers = await Promise.all(Array.from({ length: 16 }, () => stow(archive, [instance.bytes()])));
    expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 16 }, () => 200));
    expect(
      await eventually(
        () => countOf(instance),
        (count) => count === 1,
      ),
    ).toBe(1);
    const [study] = await qido(archive, `/studies?StudyInstanceUID=${instance.studyInstanceUid}`);
    expect(textOf(study!, '00201208')).toBe('1');
  });

  it('case 100: other content under one UID: the last is served, the instance counts once', async () => {
    const study = { ...TINY, seed: 802 };
    const versions = ['first', 'second', 'third'].map(
      (text) => aStudy({ ...study, elements: [element('00204000', 'LT', text)] }).instances[0]!,
    );
    for (const version of versions) expect((await stow(archive, [version.bytes()])).status).toBe(200);
    const last = readPart10(versions[2]!.bytes()).sha256DataSet;
    expect(
      await eventually(
        () => digestOf(versions[0]!),
        (digest) => digest === last,
      ),
    ).toBe(last);
    expect(await countOf(versions[0]!)).toBe(1);
    // The first again: it was placed by its first arrival and does not come back to the front.
    expect((await stow(archive, [versions[0]!.bytes()])).status).toBe(200);
    expect(await digestOf(versions[0]!)).toBe(last);
  });

  it('case 100: in parallel, one of the contents is served whole', async () => {
    const contents = Array.from(
      { length: 8 },
      (_, index) => aStudy({ ...TINY, seed: 803, elements: [element('00204000', 'LT', `content ${index}`)] }).instances[0]!,
    );
    const answers = await Promise.all(contents.map((instance) => stow(archive, [instance.bytes()])));
    expect(answers.every((answer) => answer.status === 200)).toBe(true);
    expect(
      await eventually(
        () => countOf(contents[0]!),
        (count) => count === 1,
      ),
    ).toBe(1);
    expect(contents.map((instance) => readPart10(instance.bytes()).sha256DataSet)).toContain(await digestOf(contents[0]!));
  });

  it('another transfer syntax of equal elements is a new version of the one instance', async () => {
    const explicit = aStudy({ ...TINY, seed: 804 }).instances[0]!;
    const implicit = aStudy({ ...TINY, seed: 804, transferSyntaxUid: TRANSFER_SYNTAX.implicitLittleEndian }).instances[0]!;
    await stow(archive, [explicit.bytes()]);
    await stow(archive, [implicit.bytes()]);
    const wanted = readPart10(implicit.bytes()).sha256DataSet;
    expect(
      await eventually(
        () => digestOf(explicit),
        (digest) => digest === wanted,
      ),
    ).toBe(wanted);
    expect(await countOf(explicit)).toBe(1);
  });

  it('case 101: one SOP Instance UID in two studies is stored twice, and neither overwrites the other', async () => {
    const here = aStudy({ ...TINY, seed: 805 }).instances[0]!;
    const there = aStudy({ ...TINY, seed: 806, elements: [element('00080018', 'UI', here.sopInstanceUid)] }).instances[0]!;
    const elsewhere = { ...there, sopInstanceUid: here.sopInstanceUid };
    expect((await stow(archive, [here.bytes()])).status).toBe(200);
    expect((await stow(archive, [there.bytes()])).status).toBe(200);
    expect(
      await eventually(
        () => countOf(here),
        (count) => count === 2,
      ),
    ).toBe(2);
    expect(await digestOf(here)).toBe(readPart10(here.bytes()).sha256DataSet);
    expect(await digestOf(elsewhere)).toBe(readPart10(there.bytes()).sha256DataSet);
  });

  it('another name and birth date under one Patient ID is stored all the same', async () => {
    const first = aStudy({ ...TINY, seed: 807, patientId: 'CLASH' }).instances[0]!;
    const second = aStudy({ ...TINY, seed: 808, patientId: 'CLASH', patientName: 'Someone^Else', patientBirthDate: '19991231' })
      .instances[0]!;
    expect((await stow(archive, [first.bytes(), second.bytes()])).status).toBe(200);
    expect(
      await eventually(
        async () => (await qido(archive, '/studies?PatientID=CLASH')).length,
        (count) => count === 2,
      ),
    ).toBe(2);
  });
});
