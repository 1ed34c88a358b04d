import { describe, expect, it, jest } from '@jest/globals';
import { DicomScanner, decodeDataSet } from '@cairn/dicom';
import { TINY, TRANSFER_SYNTAX, aStudy, element, sequence, writeDataSet, writeDicom } from '@cairn/testing';
import { codeOf, randomFrom, scan, withIdentity } from './support.ts';

jest.setTimeout(60_000);

const ROUNDS = 700;

const rich = withIdentity(
  element('00080005', 'CS', '\\ISO 2022 IR 87'),
  element('00091010', 'UN', Buffer.from('feff00e008000000090010100000000000', 'hex')),
  element('00100010', 'PN', 'A^B=山'),
  sequence('00400275', [{ elements: [element('00400007', 'LO', 'x'), sequence('00400008', [[]])], undefinedLength: true }], {
    undefinedLength: true,
  }),
  element('00280010', 'US', 4),
  element('00280011', 'US', 4),
  element('7FE00001', 'OV', Buffer.alloc(8)),
  { tag: '7FE00010', vr: 'OB', fragments: [Buffer.alloc(4), Buffer.alloc(20, 9), Buffer.alloc(20, 8)] },
);

const SEEDS: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['encapsulated', writeDicom({ elements: rich, transferSyntaxUid: TRANSFER_SYNTAX.jpegBaseline })],
  ['implicit', aStudy({ ...TINY, rows: 4, columns: 4, transferSyntaxUid: TRANSFER_SYNTAX.implicitLittleEndian }).instances[0]!.bytes()],
  ['big endian', aStudy({ ...TINY, rows: 4, columns: 4, transferSyntaxUid: TRANSFER_SYNTAX.explicitBigEndian }).instances[0]!.bytes()],
  ['deflated', aStudy({ ...TINY, rows: 4, columns: 4, transferSyntaxUid: TRANSFER_SYNTAX.deflated }).instances[0]!.bytes()],
  ['bare', writeDataSet({ elements: rich.slice(0, -2) })],
];

/** Values that upset length arithmetic. */
const SPITEFUL = [0, 1, 0x7f, 0x80, 0xfe, 0xff];

function mutated(bytes: Buffer, random: (below: number) => number): Buffer {
  const copy = Buffer.from(bytes);
  for (let count = 1 + random(4); count > 0; count--) {
    const at = random(copy.length);
    const kind = random(4);
    if (kind === 0) copy[at] = random(256);
    else if (kind === 1) copy[at] = SPITEFUL[random(SPITEFUL.length)]!;
    else if (kind === 2) copy.fill(SPITEFUL[random(SPITEFUL.length)]!, at, Math.min(at + 4, copy.length));
    else copy.copyWithin(at, random(copy.length), random(copy.length));
  }
  return random(5) === 0 ? copy.subarray(0, random(copy.length)) : copy;
}

describe('damaged bytes', () => {
  it.each(SEEDS)('case 27: %s give a result or a CairnError, the same for every chunking', (_name, bytes) => {
    const random = randomFrom(bytes.length);
    for (let round = 0; round < ROUNDS; round++) {
      const damaged = mutated(bytes, random);
      const whole = codeOf(() => JSON.stringify(scan(damaged)));
      expect(codeOf(() => scan(damaged, {}, 1 + random(150)))).toBe(whole);
    }
  });

  it('a small data set gives a result or a CairnError', () => {
    const random = randomFrom(5);
    const bytes = writeDataSet({ elements: rich.slice(0, -2) });
    for (let round = 0; round < ROUNDS; round++) codeOf(() => decodeDataSet(mutated(bytes, random), TRANSFER_SYNTAX.explicitLittleEndian));
  });

  it('never more memory is taken than bytes have come', () => {
    const claims = Array.from({ length: 300 }, (_, index) =>
      element(`0009${(0x1000 + index).toString(16)}`, 'OB', Buffer.alloc(2), { claimedLength: 0xfffffff0 }),
    );
    const before = process.memoryUsage();
    for (const claim of claims) {
      const scanner = new DicomScanner();
      scanner.push(writeDicom({ elements: [claim] }));
    }
    const after = process.memoryUsage();
    expect(after.external - before.external).toBeLessThan(20 * 1024 * 1024);
  });
});
