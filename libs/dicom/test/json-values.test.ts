import { describe, expect, it } from '@jest/globals';
import { TRANSFER_SYNTAX, element, sequence, writeDicom } from '@cairn/testing';
import type { ElementSpec } from '@cairn/testing';
import { scan, withIdentity } from './support.ts';

const { implicitLittleEndian, explicitLittleEndian, explicitBigEndian } = TRANSFER_SYNTAX;

/** The JSON of one element, the same in the three encodings. */
function jsonOf(spec: ElementSpec, ...context: ElementSpec[]): unknown {
  const texts = [implicitLittleEndian, explicitLittleEndian, explicitBigEndian].map((transferSyntaxUid) =>
    JSON.stringify(scan(writeDicom({ elements: withIdentity(spec, ...context), transferSyntaxUid }), {}, 19).header[spec.tag]),
  );
  expect(new Set(texts).size).toBe(1);
  return JSON.parse(texts[0]!);
}

describe('DICOM JSON (PS3.18 annex F)', () => {
  it.each<[string, string, ElementSpec['value'], unknown]>([
    ['00100010', 'PN', 'Doe^Jane=山^=ふ', [{ Alphabetic: 'Doe^Jane', Ideographic: '山^', Phonetic: 'ふ' }]],
    ['00100010', 'PN', '=山', [{ Ideographic: '山' }]],
    ['00081060', 'PN', 'A\\\\B ', [{ Alphabetic: 'A' }, null, { Alphabetic: 'B' }]],
    ['00200013', 'IS', ' 12 ', [12]],
    ['00200013', 'IS', '1A', ['1A']],
    ['00280030', 'DS', '0.5\\98.41\\1e-3\\1.50\\\\+7', [0.5, 98.41, '1e-3', '1.50', null, '+7']],
    ['00189073', 'FD', [1.5, -0.1], [1.5, -0.1]],
    ['00189073', 'FD', [Number.NaN, Number.POSITIVE_INFINITY], ['NaN', 'Infinity']],
    ['00186020', 'SL', -70_000, [-70_000]],
    ['00080301', 'US', 7, [7]],
    ['00280009', 'AT', Uint8Array.of(), undefined],
    ['0072006C', 'SH', 'a \\ b', ['a', ' b']],
    ['00104000', 'LT', 'one\\two ', ['one\\two']],
    ['00080060', 'CS', ' CT', ['CT']],
    ['00080060', 'CS', '', undefined],
    ['00080060', 'CS', '  ', undefined],
    ['00080061', 'CS', 'CT\\', ['CT', null]],
    ['0020000D', 'UI', '1.2.3', ['1.2.3']],
    ['00720082', 'SV', 12n, [12]],
    ['00720083', 'UV', 18446744073709551615n, ['18446744073709551615']],
  ])('%s %s %j', (tag, vr, value, expected) => {
    const charset = element('00080005', 'CS', 'ISO_IR 192');
    const context = tag === '0020000D' ? [] : [charset];
    expect(jsonOf(element(tag, vr, value ?? ''), ...context)).toEqual(expected === undefined ? { vr } : { vr, Value: expected });
  });

  it('writes tags as hex text', () => {
    const little = element('00280009', 'AT', Uint8Array.of(0x18, 0, 0x63, 0x10));
    const { header } = scan(writeDicom({ elements: withIdentity(little) }));
    expect(header['00280009']).toEqual({ vr: 'AT', Value: ['00181063'] });
  });

  it('gives short binary values inline, little endian', () => {
    const values: [string, Uint8Array][] = [
      ['00281201', Uint8Array.of(1, 0, 2, 0)],
      ['00281201', Uint8Array.of(0, 1, 0, 2)],
    ];
    const [little, big] = values.map(([tag, value], index) => {
      const transferSyntaxUid = [explicitLittleEndian, explicitBigEndian][index]!;
      return scan(writeDicom({ elements: withIdentity(element(tag, 'OW', value)), transferSyntaxUid })).header[tag];
    });
    expect(little).toEqual({ vr: 'OW', InlineBinary: 'AQACAA==' });
    expect(big).toEqual(little);
  });

  it.each([
    [0, 'US', 65531],
    [1, 'SS', -5],
  ])('resolves US or SS by PixelRepresentation %d', (representation, vr, value) => {
    const elements = withIdentity(
      element('00280103', 'US', representation),
      element('00280106', 'US', 65531),
      sequence('00283000', [
        [element('00283002', 'US', [256, 65531, 16])],
        [element('00280103', 'US', 0), element('00283002', 'US', 65531)],
      ]),
    );
    const { header } = scan(writeDicom({ elements, transferSyntaxUid: implicitLittleEndian }));
    expect(header['00280106']).toEqual({ vr, Value: [value] });
    expect(header['00283000']?.Value).toMatchObject([{ '00283002': { vr } }, { '00283002': { vr: 'US' } }]);
  });

  it.each([
    [8, 'OB'],
    [16, 'OW'],
  ])('takes implicit pixel data of %d bits as %s', (bits, vr) => {
    const elements = withIdentity(element('00280100', 'US', bits), element('7FE00010', 'OW', Buffer.alloc(4)));
    expect(scan(writeDicom({ elements, transferSyntaxUid: implicitLittleEndian })).header['7FE00010']?.vr).toBe(vr);
  });

  it('gives values whose length does not fit their VR as far as they go', () => {
    const { header } = scan(
      writeDicom({
        elements: withIdentity(
          element('00280010', 'US', Uint8Array.of(1, 0, 9), { unpadded: true }),
          element('00280011', 'UL', Uint8Array.of(1)),
        ),
      }),
    );
    expect(header['00280010']).toEqual({ vr: 'US', Value: [1] });
    expect(header['00280011']).toEqual({ vr: 'UL' });
  });

  it('empty sequences and items are kept', () => {
    expect(jsonOf(sequence('00081140', []))).toEqual({ vr: 'SQ' });
    expect(jsonOf(sequence('00081140', [[]]))).toEqual({ vr: 'SQ', Value: [{}] });
  });

  it('knows no special keys', () => {
    const { header } = scan(writeDicom({ elements: withIdentity(element('00100020', 'LO', '__proto__')) }));
    expect(Object.getPrototypeOf(header)).toBe(Object.prototype);
  });
});
