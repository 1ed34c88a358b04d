import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { DicomJson } from '@cairn/core';
import { decodeDataSet, encodeDataSet, encodeFileMeta, TRANSFER_SYNTAXES } from '@cairn/dicom';
import { TRANSFER_SYNTAX, element, sequence, writeDataSet } from '@cairn/testing';
import { codeOf, scan } from './support.ts';

const UNCOMPRESSED = [
  TRANSFER_SYNTAX.implicitLittleEndian,
  TRANSFER_SYNTAX.explicitLittleEndian,
  TRANSFER_SYNTAX.explicitBigEndian,
  TRANSFER_SYNTAX.deflated,
];

const text = fc
  .string({ unit: fc.constantFrom(...'abc XYZ019'.split('')), minLength: 1, maxLength: 12 })
  .map((value) => `${value}x`.trimStart());
const leaves = fc.record(
  {
    '00080060': fc.record({ vr: fc.constant('CS'), Value: fc.array(fc.constantFrom('CT', 'MR', 'US'), { minLength: 1, maxLength: 3 }) }),
    '00100010': fc.record({
      vr: fc.constant('PN'),
      Value: fc.array(fc.record({ Alphabetic: text, Ideographic: text }), { minLength: 1, maxLength: 2 }),
    }),
    '00100020': fc.record({ vr: fc.constant('LO'), Value: fc.array(text, { minLength: 1, maxLength: 3 }) }),
    '00104000': fc.record({ vr: fc.constant('LT'), Value: fc.array(text, { minLength: 1, maxLength: 1 }) }),
    '00186020': fc.record({ vr: fc.constant('SL'), Value: fc.array(fc.integer(), { minLength: 1, maxLength: 4 }) }),
    '00189073': fc.record({
      vr: fc.constant('FD'),
      Value: fc.array(
        fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
        { minLength: 1, maxLength: 3 },
      ),
    }),
    '00200013': fc.record({ vr: fc.constant('IS'), Value: fc.array(fc.integer(), { minLength: 1, maxLength: 2 }) }),
    '00280009': fc.record({ vr: fc.constant('AT'), Value: fc.constant(['00181063']) }),
    '00280010': fc.record({ vr: fc.constant('US'), Value: fc.array(fc.nat(65535), { minLength: 1, maxLength: 2 }) }),
    '00281201': fc.record({
      vr: fc.constant('OW'),
      InlineBinary: fc
        .uint8Array({ minLength: 2, maxLength: 40 })
        .map((bytes) => Buffer.from(bytes.subarray(bytes.length % 2)).toString('base64')),
    }),
    '00720082': fc.record({ vr: fc.constant('SV'), Value: fc.array(fc.maxSafeInteger(), { minLength: 1, maxLength: 2 }) }),
    '00080050': fc.constant({ vr: 'SH' }),
  },
  { requiredKeys: [] },
);
const dataSet: fc.Arbitrary<DicomJson> = fc.letrec<{ item: DicomJson }>((tie) => ({
  item: fc
    .tuple(leaves, fc.option(fc.array(tie('item'), { maxLength: 3 }), { depthSize: 'small', nil: undefined }))
    .map(
      ([item, items]) =>
        (items === undefined ? item : { ...item, '00081140': items.length === 0 ? { vr: 'SQ' } : { vr: 'SQ', Value: items } }) as DicomJson,
    ),
})).item;

const withoutNegativeZero = (json: DicomJson): unknown => JSON.parse(JSON.stringify(json));

describe('encodeDataSet and decodeDataSet', () => {
  it.each(UNCOMPRESSED)('give back any data set in %s', (transferSyntaxUid) => {
    fc.assert(
      fc.property(dataSet, (json) => {
        expect(withoutNegativeZero(decodeDataSet(encodeDataSet(json, transferSyntaxUid), transferSyntaxUid))).toEqual(
          withoutNegativeZero(json),
        );
      }),
      { numRuns: 50, seed: 3 },
    );
  });

  it('write what an independent writer writes', () => {
    const json: DicomJson = {
      '00100020': { vr: 'LO', Value: ['P1'] },
      '00080052': { vr: 'CS', Value: ['STUDY'] },
      '00081140': { vr: 'SQ', Value: [{ '00081155': { vr: 'UI', Value: ['1.2.3'] } }] },
      '00280010': { vr: 'US', Value: [512] },
    };
    const elements = [
      element('00080052', 'CS', 'STUDY'),
      sequence('00081140', [[element('00081155', 'UI', '1.2.3')]]),
      element('00100020', 'LO', 'P1'),
      element('00280010', 'US', 512),
    ];
    for (const transferSyntaxUid of UNCOMPRESSED.slice(0, 3)) {
      expect(encodeDataSet(json, transferSyntaxUid)).toEqual(writeDataSet({ elements, transferSyntaxUid }));
    }
  });

  it('keep values longer than the scanner copies', () => {
    const json: DicomJson = {
      '00104000': { vr: 'LT', Value: ['y'.repeat(60_000)] },
      '00420011': { vr: 'OB', InlineBinary: Buffer.alloc(70_000, 5).toString('base64') },
    };
    const uid = TRANSFER_SYNTAX.explicitLittleEndian;
    expect(decodeDataSet(encodeDataSet(json, uid), uid)).toEqual(json);
    expect(decodeDataSet(encodeDataSet(json, uid), uid, { inlineBytes: 1000 })['00420011']?.BulkDataURI).toBeDefined();
  });

  it('write a value too long for its VR as UN', () => {
    const json: DicomJson = { '00104000': { vr: 'LT', Value: ['y'.repeat(70_000)] } };
    const bytes = encodeDataSet(json, TRANSFER_SYNTAX.explicitLittleEndian);
    expect(bytes.toString('latin1', 4, 6)).toBe('UN');
    expect(decodeDataSet(bytes, TRANSFER_SYNTAX.explicitLittleEndian)).toEqual(json);
  });

  it.each([
    ['ISO_IR 100', 'Bücher', 'ISO_IR 100'],
    ['ISO_IR 100', '山田', 'ISO_IR 192'],
    ['\\ISO 2022 IR 87', '山田', ['', 'ISO 2022 IR 87']],
    ['GB18030', '王小东', 'GB18030'],
    ['', 'é', 'ISO_IR 192'],
    ['ISO_IR 999', 'é', 'ISO_IR 192'],
  ])('write in %j, or all in UTF-8: %s', (charset, name, expected) => {
    const json: DicomJson = { '00100010': { vr: 'PN', Value: [{ Alphabetic: name }] } };
    const uid = TRANSFER_SYNTAX.explicitLittleEndian;
    const read = decodeDataSet(encodeDataSet(json, uid, { charset }), uid);
    expect(read['00100010']).toEqual(json['00100010']);
    expect(read['00080005']?.Value?.map((term) => term ?? '')).toEqual([expected].flat());
  });

  it('refuse a value that is elsewhere, and damaged bytes', () => {
    const uid = TRANSFER_SYNTAX.implicitLittleEndian;
    expect(codeOf(() => encodeDataSet({ '00091010': { vr: 'OB', BulkDataURI: 'bulkdata/00091010' } }, uid))).toBe(
      'dicom.transcode-unsupported',
    );
    expect(codeOf(() => decodeDataSet(Buffer.from('0800520010000000', 'hex'), uid))).toBe('dicom.truncated');
  });
});

describe('encodeFileMeta', () => {
  it.each([...TRANSFER_SYNTAXES.keys()].slice(0, 3))('makes a Part 10 file of a data set: %s', (transferSyntaxUid) => {
    const spec = { sopClassUid: '1.2.840.10008.5.1.4.1.1.2', sopInstanceUid: '1.2.3', transferSyntaxUid, sourceAet: 'MODALITY1' };
    const dataSetBytes = writeDataSet({ elements: [element('00100020', 'LO', 'P1')], transferSyntaxUid });
    const result = scan(Buffer.concat([encodeFileMeta(spec), dataSetBytes]));
    expect(result).toMatchObject({ transferSyntaxUid, hasPreamble: true, warnings: [], header: { '00100020': { Value: ['P1'] } } });
    expect(result.meta).toMatchObject({
      '00020001': { InlineBinary: 'AAE=' },
      '00020002': { Value: [spec.sopClassUid] },
      '00020003': { Value: ['1.2.3'] },
      '00020016': { Value: ['MODALITY1'] },
    });
  });

  it('refuses what is no UID', () => {
    const spec = { sopClassUid: '1.2', sopInstanceUid: '../x', transferSyntaxUid: '1.2' };
    expect(codeOf(() => encodeFileMeta(spec))).toBe('dicom.invalid-identifier');
  });
});
