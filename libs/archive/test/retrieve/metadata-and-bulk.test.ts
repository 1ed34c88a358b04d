import { deflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { DicomJson } from '@cairn/core';
import { withAbsoluteUris } from '../../src/retrieve/metadata-text.ts';
import type { OutgoingBulkData } from '../../src/index.ts';
import { BIG_ENDIAN, DEFLATED, EXPLICIT, JPEG, anArchive, collect, listOf, scope } from './fixture.ts';
import type { Archive, StoredSpec } from './fixture.ts';

const URL = 'https://archive.example/dicom-web/studies/1.2.3/series/1.2.3.4/instances/1.2.3.4.1';

describe('metadata texts', () => {
  it('have absolute bulk data URIs at every depth and are otherwise unchanged', () => {
    const header: DicomJson = {
      '00091010': { vr: 'OB', BulkDataURI: 'bulkdata/00091010' },
      '52009230': { vr: 'SQ', Value: [{ '00089124': { vr: 'OW', BulkDataURI: 'bulkdata/52009230/0/00089124' } }] },
      '7FE00010': { vr: 'OW', BulkDataURI: 'bulkdata/7FE00010' },
    };
    expect(JSON.parse(withAbsoluteUris(JSON.stringify(header), URL))).toEqual({
      '00091010': { vr: 'OB', BulkDataURI: `${URL}/bulkdata/00091010` },
      '52009230': { vr: 'SQ', Value: [{ '00089124': { vr: 'OW', BulkDataURI: `${URL}/bulkdata/52009230/0/00089124` } }] },
      '7FE00010': { vr: 'OW', BulkDataURI: `${URL}/bulkdata/7FE00010` },
    });
  });

  it.each(['"BulkDataURI":"bulkdata/', 'x"BulkDataURI":"bulkdata/7FE00010"', '\\"BulkDataURI\\":\\"bulkdata/', '\\', '"BulkDataURI'])(
    'leave a value that reads %j alone',
    (text) => {
      const header = { '00104000': { vr: 'LT', Value: [text, text] }, '00091010': { vr: 'OB', BulkDataURI: 'bulkdata/00091010' } };
      const expected = structuredClone(header);
      expected['00091010'].BulkDataURI = `${URL}/bulkdata/00091010`;
      expect(JSON.parse(withAbsoluteUris(JSON.stringify(header), URL))).toEqual(expected);
    },
  );

  it('leave every text value alone', () => {
    const parts = fc.constantFrom('"', '\\', 'BulkDataURI', ':', '"BulkDataURI":"bulkdata/', '$&', 'a');
    fc.assert(
      fc.property(
        fc.array(parts).map((list) => list.join('')),
        (text) => {
          const header = JSON.stringify({ '00104000': { vr: 'LT', Value: [text] } });
          expect(withAbsoluteUris(header, URL)).toBe(header);
        },
      ),
    );
  });

  it('stay JSON whatever the base', () => {
    const header = JSON.stringify({ '7FE00010': { vr: 'OW', BulkDataURI: 'bulkdata/7FE00010' } });
    const base = 'http://a"$&\\';
    expect(JSON.parse(withAbsoluteUris(header, base))).toEqual({ '7FE00010': { vr: 'OW', BulkDataURI: `${base}/bulkdata/7FE00010` } });
  });
});

describe('ArchiveRetriever', () => {
  let archive: Archive;
  beforeEach(async () => (archive = await anArchive()));
  afterEach(() => archive.close());

  it('gives the metadata of each instance of a selector', async () => {
    const header = JSON.stringify({ '7FE00010': { vr: 'OW', BulkDataURI: 'bulkdata/7FE00010' } });
    for (let number = 0; number < 2; number++) await archive.add({ bytes: Buffer.from('x'), header });
    const texts = await listOf(await archive.retriever.metadata(scope, { studyInstanceUid: '1.2.3' }, 'http://h/dicom-web'));
    expect(texts.map((text) => (JSON.parse(text) as DicomJson)['7FE00010']?.BulkDataURI)).toEqual([
      'http://h/dicom-web/studies/1.2.3/series/1.2.3.4/instances/1.2.3.4.1/bulkdata/7FE00010',
      'http://h/dicom-web/studies/1.2.3/series/1.2.3.4/instances/1.2.3.4.2/bulkdata/7FE00010',
    ]);
  });

  describe('bulk data', () => {
    const bulkData = async (spec: StoredSpec, path: string): Promise<OutgoingBulkData> => {
      const outgoing = await archive.retriever.bulkData(scope, await archive.add(spec), path);
      if ('frames' in outgoing) throw new Error('frames');
      return outgoing;
    };
    const header = JSON.stringify({
      '00091010': { vr: 'UN', BulkDataURI: 'bulkdata/00091010' },
      '52009230': { vr: 'SQ', Value: [null, { '00089124': { vr: 'OW', BulkDataURI: 'bulkdata/52009230/1/00089124' } }] },
      '7FE00010': { vr: 'OW', BulkDataURI: 'bulkdata/7FE00010' },
    });
    const spec: StoredSpec = {
      bytes: Buffer.from('0123456789'),
      header,
      bulk: { '00091010': [1, 4], '52009230/1/00089124': [4, 4] },
      pixels: { span: [2, 6], frames: { kind: 'native', offset: 2, length: 6, frameBits: 24, count: 2 } },
    };

    it('is found by path, nested too, in either case of letters', async () => {
      const nested = await bulkData(spec, '52009230/1/00089124');
      expect(nested).toMatchObject({ vr: 'OW', mediaType: 'application/octet-stream', transferSyntaxUid: EXPLICIT, sizeBytes: 4 });
      expect((await collect(nested.open())).toString()).toBe('4567');
      expect((await collect((await bulkData(spec, '7fe00010')).open())).toString()).toBe('234567');
    });

    it('gives ranges', async () => {
      const value = await bulkData(spec, '00091010');
      expect((await collect(value.open({ start: 1, end: 3 }))).toString()).toBe('23');
      expect((await collect(value.open({ start: 4 }))).toString()).toBe('');
      expect(() => value.open({ start: 5 })).toThrow(expect.objectContaining({ code: 'object-store.invalid-range' }));
    });

    it('turns big endian words round by VR, UN stays as it is', async () => {
      const bigEndian: StoredSpec = { ...spec, transferSyntaxUid: BIG_ENDIAN };
      const nested = await bulkData(bigEndian, '52009230/1/00089124');
      expect((await collect(nested.open())).toString()).toBe('5476');
      expect((await collect(nested.open({ start: 1, end: 3 }))).toString()).toBe('47');
      expect((await collect((await bulkData(bigEndian, '00091010')).open())).toString()).toBe('1234');
      expect((await collect((await bulkData(bigEndian, '7FE00010')).open())).toString()).toBe('325476');
    });

    it('inflates', async () => {
      const deflated: StoredSpec = { ...spec, bytes: deflateRawSync(spec.bytes), transferSyntaxUid: DEFLATED };
      expect((await collect((await bulkData(deflated, '00091010')).open())).toString()).toBe('1234');
    });

    it('names the media type of an encapsulated document where it is one', async () => {
      const document = (mediaType: string): StoredSpec => ({
        bytes: Buffer.from('%PDF'),
        header: JSON.stringify({
          '00420011': { vr: 'OB', BulkDataURI: 'bulkdata/00420011' },
          '00420012': { vr: 'LO', Value: [mediaType] },
        }),
        bulk: { '00420011': [0, 4] },
      });
      expect((await bulkData(document('application/PDF'), '00420011')).mediaType).toBe('application/pdf');
      expect((await bulkData(document('text/html\r\nX-Header: 1'), '00420011')).mediaType).toBe('application/octet-stream');
      expect((await bulkData(document('application/pdf; x="y"'), '00420011')).mediaType).toBe('application/octet-stream');
    });

    it('gives encapsulated pixel data as its frames', async () => {
      const selector = await archive.add({
        ...spec,
        transferSyntaxUid: JPEG,
        pixels: {
          span: [0, 10],
          frames: {
            kind: 'encapsulated',
            frames: [
              [[1, 2]],
              [
                [4, 1],
                [6, 2],
              ],
            ],
          },
        },
      });
      const outgoing = await archive.retriever.bulkData(scope, selector, '7FE00010');
      if (!('frames' in outgoing)) throw new Error('not frames');
      expect(outgoing).toMatchObject({ mediaType: 'image/jpeg', transferSyntaxUid: JPEG });
      const texts = await Promise.all(outgoing.frames.map(async (frame) => (await collect(frame.open())).toString()));
      expect(texts).toEqual(['12', '467']);
    });

    it('gives native pixel data also where its frames cannot be told apart', async () => {
      const value = await bulkData({ ...spec, pixels: { span: [2, 6], problem: 'Rows missing' } }, '7FE00010');
      expect((await collect(value.open())).toString()).toBe('234567');
    });

    it('refuses encapsulated pixel data whose frames cannot be told apart', async () => {
      const lost: StoredSpec = { ...spec, transferSyntaxUid: JPEG, pixels: { span: [2, 6], problem: 'no offset table' } };
      await expect(bulkData(lost, '7FE00010')).rejects.toMatchObject({
        code: 'archive.frame-not-found',
        details: { reason: 'no offset table' },
      });
    });

    it.each([
      '',
      '00080018',
      '__proto__',
      'constructor',
      '0009101',
      '00091010/',
      '00091010/0',
      '../00091010',
      '52009230/01x/00089124',
      '52009230/9/00089124',
    ])('refuses the path %j', async (path) => {
      await expect(bulkData(spec, path)).rejects.toMatchObject({ code: 'archive.bulk-data-not-found' });
    });
  });
});
