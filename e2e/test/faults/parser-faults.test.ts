import { deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TINY, TRANSFER_SYNTAX, aStudy, dataSetOffset, element, sequence, writeDicom } from '@cairn/testing';
import type { ElementSpec, PhantomInstance } from '@cairn/testing';
import type { DicomJson } from '@cairn/core';
import { startArchive } from '../harness/archive.ts';
import type { Archive } from '../harness/archive.ts';
import { readPart10 } from '../harness/part10.ts';
import { peakBytes } from '../harness/processes.ts';
import { eventually, get, qido, stow, textOf } from '../harness/web.ts';

const MIB = 1 << 20;
const CANNOT_UNDERSTAND = 0xc000;

describe('malformed instances', () => {
  let archive: Archive;

  beforeAll(async () => {
    archive = await startArchive();
  }, 60_000);

  afterAll(() => archive?.dispose());

  function phantom(seed: number, elements: readonly ElementSpec[] = []): PhantomInstance {
    return aStudy({ ...TINY, seed, elements }).instances[0]!;
  }

  async function expectRefused(file: Buffer, reason: number): Promise<void> {
    const answer = await stow(archive, [file]);
    expect({ status: answer.status, stored: answer.stored, reasons: [...answer.failed.values()] }).toEqual({
      status: 409,
      stored: [],
      reasons: [reason],
    });
  }

  /** Stores, and fetches the instance back as stored. */
  async function expectStored(instance: PhantomInstance, file = instance.bytes()): Promise<DicomJson> {
    expect(await stow(archive, [file])).toMatchObject({ status: 200, stored: [instance.sopInstanceUid] });
    const path = `/studies/${instance.studyInstanceUid}/series/${instance.seriesInstanceUid}/instances/${instance.sopInstanceUid}`;
    const answer = await eventually(
      () => get(archive, path, 'application/dicom; transfer-syntax=*'),
      (each) => each.status === 200,
    );
    expect(readPart10(Buffer.from(await answer.arrayBuffer())).sha256DataSet).toBe(readPart10(file).sha256DataSet);
    const metadata = await get(archive, `${path}/metadata`, 'application/dicom+json');
    expect(metadata.status).toBe(200);
    return ((await metadata.json()) as DicomJson[])[0]!;
  }

  it('case 25: a deflate bomb is refused with little memory', async () => {
    const before = peakBytes(archive.pids());
    const head = phantom(701)
      .elements()
      .filter((each) => !each.tag.startsWith('7FE0'));
    const bomb = deflateRawSync(
      Buffer.concat([
        writeDicom({ elements: head, preamble: false, meta: false }),
        Buffer.from('e07f10004f42000000000040', 'hex'),
        Buffer.alloc(1024 * MIB),
      ]),
      { level: 9 },
    );
    const meta = writeDicom({ elements: head, transferSyntaxUid: TRANSFER_SYNTAX.deflated });
    await expectRefused(Buffer.concat([meta.subarray(0, dataSetOffset(meta)), bomb]), CANNOT_UNDERSTAND);
    expect(peakBytes(archive.pids()) - before).toBeLessThan(150 * MIB);
  }, 60_000);

  it.each([300, 2000, 20_000])('case 26: %i nested sequences are refused', async (depth) => {
    let inner = Buffer.alloc(0);
    const open = Buffer.from('0800401153510000fffffffffeff00e0ffffffff', 'hex');
    inner = Buffer.concat(Array.from({ length: depth }, () => open));
    const close = Buffer.concat(Array.from({ length: depth }, () => Buffer.from('feff0de000000000feffdde000000000', 'hex')));
    const head = phantom(702)
      .elements()
      .filter((each) => each.tag < '00081140');
    const tail = phantom(702)
      .elements()
      .filter((each) => each.tag > '00081140');
    const file = Buffer.concat([
      writeDicom({ elements: head }),
      inner,
      close,
      writeDicom({ elements: tail, preamble: false, meta: false }),
    ]);
    await expectRefused(file, CANNOT_UNDERSTAND);
  });

  it.each([
    ['beyond the end', element('00100010', 'PN', 'Doe^Jo', { claimedLength: 0xfff0 })],
    ['of 4 GiB', element('00091010', 'OB', Buffer.alloc(10), { claimedLength: 0xfffffff0 })],
    [
      'undefined without a delimiter',
      sequence('00081140', [{ elements: [], undefinedLength: true, withoutDelimiter: true }], {
        undefinedLength: true,
        withoutDelimiter: true,
      }),
    ],
  ])('case 27: an element with a length %s is refused without allocating it', async (_name, bad) => {
    const before = peakBytes(archive.pids());
    const elements = phantom(703)
      .elements()
      .filter((each) => each.tag < bad.tag);
    await expectRefused(writeDicom({ elements: [...elements, bad] }), CANNOT_UNDERSTAND);
    expect(peakBytes(archive.pids()) - before).toBeLessThan(100 * MIB);
  });

  it.each([
    ['truncated', (file: Buffer) => file.subarray(0, 180)],
    ['only the preamble', (file: Buffer) => file.subarray(0, 132)],
    ['empty', () => Buffer.alloc(0)],
  ])('case 28: file meta information that is %s is refused', async (_name, damage) => {
    await expectRefused(damage(phantom(704).bytes()), CANNOT_UNDERSTAND);
  });

  it.each([0, 9999, 0xfffffff0])('case 28: a lying meta group length of %i neither crashes nor half-stores', async (metaGroupLength) => {
    const instance = phantom(705 + (metaGroupLength % 97));
    const answer = await stow(archive, [writeDicom({ elements: instance.elements(), metaGroupLength })]);
    expect([200, 409]).toContain(answer.status);
    const found = async (): Promise<number> => (await qido(archive, `/instances?SOPInstanceUID=${instance.sopInstanceUid}`)).length;
    expect(await eventually(found, (count) => count === answer.stored.length)).toBe(answer.stored.length);
  });

  it.each([
    ['Rows as UL', [element('00280010', 'UL', 36)]],
    ['huge Rows and Columns', [element('00280010', 'US', 65_535), element('00280011', 'US', 65_535)]],
    ['zero Rows', [element('00280010', 'US', 0)]],
    ['negative NumberOfFrames', [element('00280008', 'IS', '-5')]],
    ['BitsAllocated 0', [element('00280100', 'US', 0)]],
    ['BitsAllocated 12', [element('00280100', 'US', 12)]],
    ['BitsAllocated 255', [element('00280100', 'US', 255)]],
    ['PixelData of odd length', [element('7FE00010', 'OB', Buffer.alloc(11), { unpadded: true })]],
  ] as const)('case 29: %s is stored bit for bit, and a frame of it is a client error at most', async (name, elements) => {
    const instance = aStudy({
      ...TINY,
      seed: 720,
      studyInstanceUid: `2.25.29${name.length}${name.charCodeAt(0)}${name.charCodeAt(name.length - 1)}`,
      elements,
    }).instances[0]!;
    await expectStored(instance);
    const path = `/studies/${instance.studyInstanceUid}/series/${instance.seriesInstanceUid}/instances/${instance.sopInstanceUid}/frames/`;
    for (const frame of ['1', '2', '99999999999', '0', '-1', 'x']) expect((await get(archive, path + frame)).status).toBeLessThan(500);
  });

  it.each([
    ['ISO 2022 escapes left open', 'ISO 2022 IR 87', Buffer.from('Yamada^Tarou=\x1b$B;3ED^B@O:=', 'latin1')],
    ['invalid UTF-8', 'ISO_IR 192', Buffer.from([0x41, 0xff, 0xfe, 0xc3, 0x28])],
    ['NUL in the text', 'ISO_IR 100', Buffer.from('A\0B')],
    ['GB18030', 'GB18030', Buffer.from([0x57, 0x61, 0x6e, 0x67, 0x3d, 0xcd, 0xf5])],
    ['an unknown character set', 'KLINGON', Buffer.from('Worf')],
  ])('case 35: %s keeps JSON valid and the bytes as they were', async (name, characterSet, patientName) => {
    const instance = aStudy({
      ...TINY,
      seed: 730,
      studyInstanceUid: `2.25.35${name.length}${name.charCodeAt(0)}`,
      elements: [element('00080005', 'CS', characterSet), element('00100010', 'PN', patientName)],
    }).instances[0]!;
    const metadata = await expectStored(instance);
    expect(metadata['00100010']?.vr).toBe('PN');
    const [found] = await eventually(
      () => qido(archive, `/studies?StudyInstanceUID=${instance.studyInstanceUid}`),
      (studies) => studies.length > 0,
    );
    expect(textOf(found!, '0020000D')).toBe(instance.studyInstanceUid);
  });

  it('case 36: script in a description stays text', async () => {
    const instance = phantom(740, [element('00081030', 'LO', '<script>alert(1)</script>')]);
    const metadata = await expectStored(instance);
    expect(textOf(metadata, '00081030')).toBe('<script>alert(1)</script>');
    const answer = await get(archive, `/studies?StudyInstanceUID=${instance.studyInstanceUid}`);
    expect(answer.headers.get('content-type')).toMatch(/^application\/dicom\+json/);
  });

  it('case 37: an executable as preamble comes back as it was, as DICOM and nothing else', async () => {
    const instance = phantom(741);
    const preamble = Buffer.concat([Buffer.from('MZ'), Buffer.alloc(126, 1)]);
    await expectStored(instance, writeDicom({ elements: instance.elements(), preamble }));
    const path = `/studies/${instance.studyInstanceUid}/series/${instance.seriesInstanceUid}/instances/${instance.sopInstanceUid}`;
    const answer = await get(archive, path, 'application/dicom; transfer-syntax=*');
    expect(answer.headers.get('content-type')).toMatch(/^application\/dicom/);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(Buffer.from(await answer.arrayBuffer()).subarray(0, 128)).toEqual(preamble);
  });

  it('case 39: DICOM JSON with __proto__ as a store request is refused and pollutes nothing', async () => {
    for (const body of [
      '[{"__proto__":{"polluted":1},"00080018":{"vr":"UI","Value":["1.2"]}}]',
      `${'['.repeat(10_000)}`,
      '[{"00280010":NaN}]',
    ]) {
      const answer = await fetch(`${archive.webUrl}/studies`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/dicom+json' },
        body,
      });
      expect([400, 415]).toContain(answer.status);
    }
    expect((await fetch(`${archive.origin}/health/ready`)).status).toBe(200);
  });
});
