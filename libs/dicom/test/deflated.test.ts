import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { encodeFileMeta } from '@cairn/dicom';
import { TRANSFER_SYNTAX, element, writeDataSet, writeDicom } from '@cairn/testing';
import { codeOf, scan, withIdentity } from './support.ts';

const transferSyntaxUid = TRANSFER_SYNTAX.deflated;
const meta = encodeFileMeta({ sopClassUid: '1.2', sopInstanceUid: '1.3', transferSyntaxUid });

/** A deflated data set of this many zeros in one private element. */
function bomb(megabytes: number): Buffer {
  const elements = [element('00091010', 'OB', Buffer.alloc(megabytes * 1024 * 1024))];
  return Buffer.concat([meta, deflateRawSync(writeDataSet({ elements }))]);
}

describe('deflated data sets', () => {
  it('case 25: a bomb is refused by its ratio, before it has grown far', () => {
    const bytes = bomb(64);
    expect(bytes.length).toBeLessThan(100_000);
    const before = process.memoryUsage().rss;
    expect(codeOf(() => scan(bytes, {}, 65_536))).toBe('dicom.inflate-limit');
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  it('case 25: an absolute cap holds, too', () => {
    expect(codeOf(() => scan(bomb(8), { limits: { inflatedBytes: 4 * 1024 * 1024 } }))).toBe('dicom.inflate-limit');
  });

  it('an empty image is no bomb', () => {
    expect(codeOf(() => scan(bomb(8), {}, 1000))).toBe('none');
  });

  it('cut off is truncated, in any place', () => {
    const bytes = writeDicom({ elements: withIdentity(element('00104000', 'LT', 'words '.repeat(90))), transferSyntaxUid });
    for (let length = meta.length + 40; length < bytes.length - 4; length += 3) {
      expect(codeOf(() => scan(bytes.subarray(0, length), {}, 5))).toBe('dicom.truncated');
    }
  });

  it('that are no deflate stream are refused', () => {
    expect(codeOf(() => scan(Buffer.concat([meta, Buffer.alloc(100, 0xff)])))).toBe('dicom.invalid-structure');
  });

  it('may be followed by a padding byte', () => {
    for (const name of ['P', 'PQ', 'PQR']) {
      const bytes = Buffer.concat([
        meta,
        deflateRawSync(writeDataSet({ elements: withIdentity(element('00100020', 'LO', name)) })),
        Buffer.alloc(1),
      ]);
      expect(scan(bytes, {}, 1).header['00100020']?.Value).toEqual([name]);
    }
  });
});
