import { describe, expect, it } from '@jest/globals';
import { requireIdentifiers } from '@cairn/dicom';
import { TRANSFER_SYNTAX, element, sequence, writeDataSet, writeDicom } from '@cairn/testing';
import type { ElementSpec } from '@cairn/testing';
import { codeOf, scan, withIdentity } from './support.ts';

const codeOfScan = (bytes: Uint8Array, chunkSize?: number): string => codeOf(() => scan(bytes, {}, chunkSize));

function nested(depth: number, undefinedLength: boolean): ElementSpec {
  let spec = element('00080100', 'SH', 'deep');
  for (let level = 0; level < depth; level++) {
    spec = sequence('00081140', [{ elements: [spec], undefinedLength }], { undefinedLength });
  }
  return spec;
}

describe('case 11: identifiers', () => {
  it.each([
    ['../../etc/x', 'dicom.invalid-identifier'],
    ['/etc/passwd', 'dicom.invalid-identifier'],
    ['1.2\0.3', 'dicom.invalid-identifier'],
    ['1.2\\1.3', 'dicom.invalid-identifier'],
    ['1..2', 'dicom.invalid-identifier'],
    ['1.2.', 'dicom.invalid-identifier'],
    [`1.${'2'.repeat(298)}`, 'dicom.invalid-identifier'],
    [`1.${'2'.repeat(2000)}`, 'dicom.invalid-identifier'],
    ['', 'dicom.missing-identifier'],
    ['1.2.03', 'none'],
    ['1.2.3', 'none'],
  ])('case 11: SOP Instance UID %j gives %s', (uid, code) => {
    const elements = withIdentity().map((each) => (each.tag === '00080018' ? element('00080018', 'UI', uid) : each));
    const transferSyntaxUid = TRANSFER_SYNTAX.implicitLittleEndian;
    const result = scan(writeDicom({ elements, transferSyntaxUid }));
    expect(codeOf(() => requireIdentifiers(result))).toBe(code);
  });

  it.each(['00080016', '00080018', '0020000D', '0020000E'])('case 11: without %s nothing is stored', (tag) => {
    const result = scan(writeDicom({ elements: withIdentity().filter((each) => each.tag !== tag) }));
    expect(codeOf(() => requireIdentifiers(result))).toBe('dicom.missing-identifier');
  });

  it('case 11: a DICOMDIR is not storable', () => {
    const meta = [element('00020002', 'UI', '1.2.840.10008.1.3.10'), element('00020010', 'UI', TRANSFER_SYNTAX.explicitLittleEndian)];
    const result = scan(writeDicom({ elements: [element('00041130', 'CS', 'SET')], meta }));
    expect(codeOf(() => requireIdentifiers(result))).toBe('dicom.not-storable');
  });
});

describe('case 26: nesting', () => {
  it.each([true, false])('case 26: 64 levels are read, undefined length: %s', (undefinedLength) => {
    expect(codeOfScan(writeDicom({ elements: withIdentity(nested(64, undefinedLength)) }), 100)).toBe('none');
  });

  it.each([65, 300])('case 26: %d levels give a clean error', (depth) => {
    expect(codeOfScan(writeDicom({ elements: withIdentity(nested(depth, true)) }))).toBe('dicom.limit-exceeded');
  });

  it.each([2000, 100_000])('case 26: %d levels give a clean error', (depth) => {
    const opening = Buffer.from('0800401153510000fffffffffeff00e0ffffffff', 'hex');
    const bytes = Buffer.concat([writeDicom({ elements: [] }), ...Array.from({ length: depth }, () => opening)]);
    expect(codeOfScan(bytes, 65_536)).toBe('dicom.limit-exceeded');
  });

  it('case 26: values of VR UN that nest in themselves cost no more than their bytes', () => {
    let inside = Buffer.alloc(0);
    while (inside.length < 900) {
      const head = Buffer.from('feff00e00000000009001010', 'hex');
      const item = Buffer.concat([head, Buffer.alloc(4), inside]);
      item.writeUInt32LE(item.length - 8, 4);
      item.writeUInt32LE(inside.length, 12);
      inside = item;
    }
    expect(codeOfScan(writeDicom({ elements: withIdentity(element('00091010', 'UN', inside)) }))).toBe('none');
  });
});

describe('case 27: lengths that lie', () => {
  it.each([
    ['an element beyond the end', element('00104000', 'LT', 'x', { claimedLength: 5000 })],
    ['4 GiB of private bytes', element('00091010', 'OB', Uint8Array.of(1, 2), { claimedLength: 0xfffffff0 })],
    ['4 GiB of pixel data', element('7FE00010', 'OW', Uint8Array.of(1, 2), { claimedLength: 0xfffffffe })],
    ['a sequence beyond the end', sequence('00400275', [[element('00400007', 'LO', 'x')]], { claimedLength: 90_000 })],
    ['a sequence without delimiter', sequence('00400275', [[]], { undefinedLength: true, withoutDelimiter: true })],
    [
      'an item without delimiter',
      sequence('00400275', [{ elements: [], undefinedLength: true, withoutDelimiter: true }], {
        withoutDelimiter: true,
        undefinedLength: true,
      }),
    ],
  ])('case 27: %s is truncated', (_what, spec) => {
    const bytes = writeDicom({ elements: withIdentity(spec) });
    expect(codeOfScan(bytes)).toBe('dicom.truncated');
    expect(codeOfScan(bytes, 1)).toBe('dicom.truncated');
  });

  it.each([
    ['an item longer than its sequence', sequence('00400275', [{ elements: [element('00400007', 'LO', 'x')], claimedLength: 400 }])],
    ['an element longer than its item', sequence('00400275', [[element('00400007', 'LO', 'x', { claimedLength: 300 })]])],
    ['a sequence of something else', element('00400275', 'SQ', Buffer.alloc(16, 0x41))],
    ['text of undefined length', element('00104000', 'UT', 'x', { claimedLength: 0xffffffff })],
    [
      'an undefined length inside a defined one',
      sequence('00400275', [[sequence('00400008', [], { undefinedLength: true, withoutDelimiter: true })]]),
    ],
  ])('case 27: %s is an error', (_what, spec) => {
    const bytes = writeDicom({ elements: withIdentity(spec, element('00500004', 'CS', 'NO')) });
    expect(codeOfScan(bytes)).toBe('dicom.invalid-structure');
    expect(codeOfScan(bytes, 3)).toBe('dicom.invalid-structure');
  });

  it('case 27: every prefix of a file is truncated, whatever the chunks', () => {
    const fragments = [Buffer.alloc(0), Buffer.alloc(40, 1)];
    const elements = withIdentity(sequence('00400275', [[element('00400007', 'LO', 'x')]]), { tag: '7FE00010', vr: 'OB', fragments });
    const bytes = writeDicom({ elements, transferSyntaxUid: TRANSFER_SYNTAX.rle });
    const codes = new Set<string>();
    for (let length = 0; length < bytes.length - 8; length++) codes.add(codeOfScan(bytes.subarray(0, length), 31));
    codes.delete('none');
    expect([...codes].sort()).toEqual(['dicom.not-dicom', 'dicom.truncated', 'dicom.unknown-transfer-syntax']);
  });

  it('case 27: compressed pixel data may end with the file when all frames are there', () => {
    const pixels = (frames: number): ElementSpec[] => [
      element('00280008', 'IS', String(frames)),
      { tag: '7FE00010', vr: 'OB', fragments: [Buffer.alloc(0), Buffer.alloc(40, 1)], withoutDelimiter: true },
    ];
    const transferSyntaxUid = TRANSFER_SYNTAX.rle;
    const complete = scan(writeDicom({ elements: withIdentity(...pixels(1)), transferSyntaxUid }));
    expect(complete.warnings).toEqual(['sequence delimiter missing after pixel data']);
    expect(codeOfScan(writeDicom({ elements: withIdentity(...pixels(2)), transferSyntaxUid }))).toBe('dicom.truncated');
  });
});

describe('case 28: file meta information', () => {
  const elements = withIdentity(element('00100020', 'LO', 'P'));

  it.each([0, 1, 20, 10_000, 0xffffffff])('case 28: a group length of %d is read over, never trusted', (metaGroupLength) => {
    const result = scan(writeDicom({ elements, metaGroupLength }), {}, 7);
    expect(result.header['00100020']?.Value).toEqual(['P']);
    expect(result.warnings).toEqual(['wrong group length of the meta information']);
  });

  it('case 28: it may lack the group length', () => {
    const result = scan(writeDicom({ elements, metaGroupLength: 'absent' }), {}, 7);
    expect(result.warnings).toEqual(['meta information without group length']);
  });

  it('case 28: cut off, it is truncated', () => {
    const bytes = writeDicom({ elements });
    for (const length of [140, 150, 160, 200]) expect(codeOfScan(bytes.subarray(0, length), 9)).toBe('dicom.truncated');
  });

  it.each([
    ['no transfer syntax', [element('00020002', 'UI', '1.2')], 'dicom.unknown-transfer-syntax'],
    ['a transfer syntax that is no UID', [element('00020010', 'UI', '../x')], 'dicom.unknown-transfer-syntax'],
    ['an element without VR', [element('00020010', '\0\0', 'x')], 'dicom.invalid-meta'],
    ['an undefined length', [element('00020102', 'OB', 'xx', { claimedLength: 0xffffffff })], 'dicom.invalid-meta'],
    ['an element of 3 GB', [element('00020102', 'OB', 'xx', { claimedLength: 3_000_000_000 })], 'dicom.limit-exceeded'],
  ])('case 28: %s', (_what, meta, code) => {
    expect(codeOfScan(writeDicom({ elements, meta }), 50)).toBe(code);
  });
});

describe('bytes that are no DICOM', () => {
  it.each([
    ['nothing', ''],
    ['text', 'Dear colleague, '.repeat(50)],
    ['a little text', 'Hi'],
    ['JPEG', '\xff\xd8\xff\xe0\0\x10JFIF\0'.repeat(40)],
    ['a ZIP archive', 'PK\x03\x04'.repeat(100)],
    ['zeros', '\0'.repeat(1000)],
    ['a preamble and prefix alone', `${'\0'.repeat(128)}DICM`],
  ])('%s', (_what, text) => {
    expect(codeOfScan(Buffer.from(text, 'latin1'))).toBe('dicom.not-dicom');
    expect(codeOfScan(Buffer.from(text, 'latin1'), 1)).toBe('dicom.not-dicom');
  });

  it('a data set that goes on with garbage', () => {
    const bytes = Buffer.concat([writeDicom({ elements: withIdentity() }), Buffer.from('\xfe\xff\x00\xe0garbage', 'latin1')]);
    expect(codeOfScan(bytes)).toBe('dicom.invalid-structure');
    expect(codeOfScan(Buffer.concat([writeDataSet({ elements: withIdentity() }), Buffer.alloc(20), Buffer.from('x')]))).toBe(
      'dicom.invalid-structure',
    );
  });
});
