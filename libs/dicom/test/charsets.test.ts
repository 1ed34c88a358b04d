import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeText, encodeText } from '@cairn/dicom';
import { element, writeDicom } from '@cairn/testing';
import { scan, withIdentity } from './support.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** PS3.5 annexes H, I, J, K: the standard's own examples. */
const EXAMPLES: readonly (readonly [name: string, charsets: readonly string[], bytes: Buffer, text: string])[] = [
  [
    'PS3.5 H.3.1',
    ['', 'ISO 2022 IR 87'],
    hex(
      '59616d6164615e5461726f753d1b2442 3b334544 1b2842 5e 1b2442 42404f3a 1b2842 3d 1b2442 2464245e2440 1b2842 5e 1b2442 243f246d2426 1b2842',
    ),
    'Yamada^Tarou=山田^太郎=やまだ^たろう',
  ],
  [
    'PS3.5 H.3.2',
    ['ISO 2022 IR 13', 'ISO 2022 IR 87'],
    hex('d4cfc0de5ec0dbb33d1b2442 3b334544 1b284a 5e 1b2442 42404f3a 1b284a 3d 1b2442 2464245e2440 1b284a 5e 1b2442 243f246d2426 1b284a'),
    'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう',
  ],
  [
    'PS3.5 I.2',
    ['', 'ISO 2022 IR 149'],
    hex('486f6e675e47696c646f6e673d 1b242943 fbf3 5e 1b242943 d1ced4d7 3d 1b242943 c8ab 5e 1b242943 b1e6b5bf'),
    'Hong^Gildong=洪^吉洞=홍^길동',
  ],
  ['PS3.5 J.1', ['ISO_IR 192'], Buffer.from('Wang^XiaoDong=王^小東=', 'utf8'), 'Wang^XiaoDong=王^小東='],
  ['PS3.5 J.2', ['GB18030'], hex('57616e675e5869616f446f6e673dcdf55ed0a1b6ab3d'), 'Wang^XiaoDong=王^小东='],
  [
    'PS3.5 K.2',
    ['', 'ISO 2022 IR 58'],
    hex('5a68616e675e5869616f446f6e673d 1b242941 d5c5 5e 1b242941 d0a1b6ab 3d'),
    'Zhang^XiaoDong=张^小东=',
  ],
  ['Latin 1', ['ISO_IR 100'], hex('42756363e97275'), 'Buccéru'],
  ['Latin 1, misspelled', ['ISO-IR 100'], hex('e9'), 'é'],
  ['Latin 2', ['ISO_IR 101'], hex('a3f3'), 'Łó'],
  ['Cyrillic', ['ISO_IR 144'], hex('bbeece'), 'ЛюЮ'],
  ['Greek', ['ISO_IR 126'], hex('c4e9ef'), 'Διο'],
  ['Hebrew', ['ISO_IR 138'], hex('f9f8'), 'שר'],
  ['Arabic', ['ISO_IR 127'], hex('c2c8'), 'آب'],
  ['Thai', ['ISO_IR 166'], hex('a1d2'), 'กา'],
  ['Turkish', ['ISO_IR 148'], hex('fdfe'), 'ış'],
  ['Latin 9', ['ISO_IR 203'], hex('a4'), '€'],
  ['Katakana', ['ISO_IR 13'], hex('d4cf'), 'ﾔﾏ'],
  ['Latin 1 and Greek', ['ISO 2022 IR 100', 'ISO 2022 IR 126'], hex('e9 1b2d46 c4'), 'éΔ'],
  ['JIS X 0212', ['', 'ISO 2022 IR 159'], hex('1b242844 3021 1b2842'), '丂'],
  ['Korean without escape sequence', ['', 'ISO 2022 IR 149'], hex('c8ab'), '홍'],
];

describe('decodeText', () => {
  it.each(EXAMPLES)('%s', (_name, charsets, bytes, text) => {
    expect(decodeText(bytes, charsets, 'PN')).toBe(text);
  });

  it('does not take a second byte for a backslash', () => {
    const { header } = scan(
      writeDicom({ elements: withIdentity(element('00080005', 'CS', 'GBK'), element('00100020', 'LO', hex('815c5c41'))) }),
    );
    expect(header['00100020']?.Value).toHaveLength(2);
    expect(header['00100020']?.Value?.[1]).toBe('A');
  });

  it('takes undeclared UTF-8 for what it is, and other bytes for unknown', () => {
    expect(decodeText(Buffer.from('Müller'), [], 'LO')).toBe('Müller');
    expect(decodeText(hex('4dfc'), [], 'LO')).toBe('M\ufffd');
  });

  it.each([
    ['an unbalanced escape', ['', 'ISO 2022 IR 87'], '1b2442 3b33'],
    ['half a character', ['', 'ISO 2022 IR 87'], '1b2442 3b'],
    ['an unknown escape', ['ISO 2022 IR 100'], '411b254742'],
    ['an escape at the end', ['ISO 2022 IR 100'], '41 1b'],
    ['invalid UTF-8', ['ISO_IR 192'], 'c328ff41'],
    ['NUL inside', ['ISO_IR 192'], '410042'],
    ['a lone GB18030 lead byte', ['GB18030'], '8130'],
    ['an unknown term', ['ISO_IR 999'], 'ff41'],
    ['an escape without code extensions', [], '1b24423b33'],
  ])('case 35: %s leaves the JSON valid', (_what, charsets, bytes) => {
    const elements = withIdentity(element('00080005', 'CS', charsets.join('\\')), element('00100010', 'PN', hex(bytes)));
    const file = writeDicom({ elements });
    const { header, sha256DataSet } = scan(file, {}, 1);
    const text = JSON.stringify(header);
    expect(JSON.parse(text)).toEqual(header);
    expect(text).not.toContain('\\u00');
    expect(sha256DataSet).toBe(scan(file).sha256DataSet);
  });

  it('case 35: any bytes under any terms give well-formed text', () => {
    const terms = fc.subarray([
      '',
      'ISO 2022 IR 6',
      'ISO 2022 IR 87',
      'ISO 2022 IR 149',
      'ISO 2022 IR 58',
      'ISO_IR 13',
      'ISO_IR 192',
      'GB18030',
      'x',
    ]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), terms, fc.constantFrom('PN', 'LO', 'UT'), (bytes, charsets, vr) => {
        const text = decodeText(bytes, charsets, vr);
        return text.isWellFormed() && !text.includes('\0');
      }),
      { numRuns: 2000, seed: 1 },
    );
  });

  it('items may have a character set of their own', () => {
    const item = [element('00080005', 'CS', 'ISO_IR 126'), element('00081030', 'LO', hex('c4'))];
    const elements = withIdentity(element('00080005', 'CS', 'ISO_IR 100'), {
      tag: '00081140',
      vr: 'SQ',
      items: [item, [element('00081030', 'LO', hex('c4'))]],
    });
    const { header } = scan(writeDicom({ elements }));
    expect(header['00081140']?.Value).toMatchObject([{ '00081030': { Value: ['Δ'] } }, { '00081030': { Value: ['Ä'] } }]);
  });
});

describe('encodeText', () => {
  it.each(EXAMPLES.filter(([name]) => /PS3.5 [HJ]|Latin|Greek|Thai|Kata|0212|Hebrew/.test(name)))(
    'writes what decodeText reads: %s',
    (_name, charsets, _bytes, text) => {
      const bytes = encodeText(text, charsets);
      expect(bytes).toBeDefined();
      expect(decodeText(bytes!, charsets, 'PN')).toBe(text);
    },
  );

  it("writes the standard's own bytes", () => {
    for (const [, charsets, bytes, text] of EXAMPLES.filter(([name]) => name.startsWith('PS3.5 H'))) {
      expect(encodeText(text, charsets)).toEqual(bytes);
    }
    expect(encodeText('홍^길동', ['', 'ISO 2022 IR 149'])).toEqual(hex('1b242943 c8ab 5e 1b242943 b1e6b5bf'));
  });

  it('gives nothing for what a character set does not have', () => {
    expect(encodeText('山', ['ISO_IR 100'])).toBeUndefined();
    expect(encodeText('é', [])).toBeUndefined();
    expect(encodeText('é', ['nonsense'])).toBeUndefined();
    expect(encodeText('\u{20000}', ['GBK'])).toBeUndefined();
  });
});
