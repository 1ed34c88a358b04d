import { describe, expect, it } from '@jest/globals';
import { convertible, inflateDataSet, transcodeDataSet } from '@cairn/dicom';
import type { Overlay, ScanResult } from '@cairn/dicom';
import { TINY, TRANSFER_SYNTAX, aStudy, element, sequence, writeDataSet } from '@cairn/testing';
import type { ElementSpec } from '@cairn/testing';
import { chunked, gather, rejectionOf, scan, withIdentity } from './support.ts';

const { implicitLittleEndian, explicitLittleEndian, explicitBigEndian, deflated, jpegBaseline } = TRANSFER_SYNTAX;

async function transcode(elements: readonly ElementSpec[], from: string, to: string, overlay?: Overlay, chunkSize = 7): Promise<Buffer> {
  return gather(transcodeDataSet(chunked(writeDataSet({ elements, transferSyntaxUid: from }), chunkSize), from, to, overlay));
}

function scanDataSet(bytes: Buffer, transferSyntaxUid: string): ScanResult {
  const result = scan(bytes, { transferSyntaxUid });
  expect(result.warnings).toEqual([]);
  return result;
}

const rich: ElementSpec[] = withIdentity(
  element('00080005', 'CS', 'ISO_IR 192'),
  element('00090010', 'LO', 'ACME'),
  element('00091001', 'UN', Uint8Array.of(1, 2, 3, 4)),
  element('00100010', 'PN', 'Müller^Jörg'),
  element('00186020', 'SL', -3),
  element('00189073', 'FD', [1.25, -7]),
  element('00280009', 'AT', Uint8Array.of(0, 0, 0, 0)),
  element('00280100', 'US', 16),
  element('00280103', 'US', 1),
  element('00280106', 'SS', -9),
  element('00281201', 'OW', Buffer.alloc(2000, 6)),
  sequence(
    '00400275',
    [
      [element('00400007', 'LO', 'one'), sequence('00400008', [[element('00080100', 'SH', 'deep')]])],
      { elements: [], undefinedLength: true },
    ],
    { undefinedLength: true },
  ),
);

describe('transcodeDataSet', () => {
  const sources = [implicitLittleEndian, explicitLittleEndian, explicitBigEndian, deflated];
  const targets = [implicitLittleEndian, explicitLittleEndian];

  it.each(sources.flatMap((from) => targets.map((to) => [from, to] as const)))('keeps all values from %s to %s', async (from, to) => {
    const expected = scanDataSet(writeDataSet({ elements: rich }), explicitLittleEndian);
    const result = scanDataSet(await transcode(rich, from, to), to);
    const header = { ...result.header };
    expect(header['00091001']).toEqual({ vr: 'UN', InlineBinary: 'AQIDBA==' });
    expect(header).toEqual(expected.header);
    expect(result.sha256Elements).toBe(expected.sha256Elements);
  });

  it.each([1, 2, 3, 7, 64, 100_000])('swaps big-endian words that are cut by chunks of %d', async (chunkSize) => {
    const words = Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex');
    const elements = withIdentity(
      element('00091001', 'OB', words),
      element('00660016', 'OF', words),
      element('00660129', 'OL', words),
      element('00701A09', 'OD', words),
      element('7FE00001', 'OV', words),
      element('7FE00010', 'OW', words),
    );
    const bytes = await transcode(elements, explicitBigEndian, explicitLittleEndian, {}, chunkSize);
    const { bulk } = scanDataSet(bytes, explicitLittleEndian);
    const values = scanDataSet(bytes, explicitLittleEndian).header;
    const hexOf = (tag: string): string => Buffer.from(values[tag]!.InlineBinary!, 'base64').toString('hex');
    expect(hexOf('00091001')).toBe(words.toString('hex'));
    expect(hexOf('00660016')).toBe('0403020108070605' + '0c0b0a09100f0e0d');
    expect(hexOf('00660129')).toBe('0403020108070605' + '0c0b0a09100f0e0d');
    expect(hexOf('00701A09')).toBe('0807060504030201' + '100f0e0d0c0b0a09');
    const [offset, length] = bulk['7FE00010']!;
    expect(bytes.toString('hex', offset, offset + length)).toBe('0201040306050807' + '0a090c0b0e0d100f');
  });

  it('passes equal syntaxes through as they are', async () => {
    for (const uid of [...sources, jpegBaseline]) {
      expect(await transcode(rich, uid, uid)).toEqual(writeDataSet({ elements: rich, transferSyntaxUid: uid }));
    }
  });

  it('leaves out group 0002 and group lengths, and evens odd lengths', async () => {
    const elements = [element('00020016', 'AE', 'X'), element('00080000', 'UL', 4), element('00100020', 'LO', 'odd', { unpadded: true })];
    const bytes = await transcode(elements, explicitLittleEndian, implicitLittleEndian);
    expect(bytes).toEqual(writeDataSet({ elements: [element('00100020', 'LO', 'odd')], transferSyntaxUid: implicitLittleEndian }));
  });

  it('writes a value too long for its explicit VR as UN', async () => {
    const elements = withIdentity(element('00104000', 'LT', 'x'.repeat(70_000)));
    const bytes = await transcode(elements, implicitLittleEndian, explicitLittleEndian, {}, 1000);
    expect(scanDataSet(bytes, explicitLittleEndian).bulk['00104000']?.[1]).toBe(70_000);
  });

  it('keeps sequences in UN, whatever they are coded in', async () => {
    const inside = writeDataSet({
      elements: [sequence('00091010', [[element('00080100', 'SH', 'code')]])],
      transferSyntaxUid: implicitLittleEndian,
    });
    const value = Buffer.concat([inside.subarray(8), Buffer.from('feffdde000000000', 'hex')]);
    const elements = withIdentity(element('00091010', 'UN', value, { claimedLength: 0xffffffff }));
    const bytes = await transcode(elements, explicitLittleEndian, implicitLittleEndian);
    expect(scanDataSet(bytes, implicitLittleEndian).header['00091010']?.Value).toEqual([{ '00080100': { vr: 'SH', Value: ['code'] } }]);
  });

  it('refuses what would need a codec', async () => {
    expect(convertible(jpegBaseline, explicitLittleEndian)).toBe(false);
    expect(convertible(jpegBaseline, jpegBaseline)).toBe(true);
    expect(convertible(explicitLittleEndian, explicitBigEndian)).toBe(false);
    expect(convertible(explicitBigEndian, implicitLittleEndian)).toBe(true);
    expect(await rejectionOf(transcode(rich, jpegBaseline, explicitLittleEndian))).toBe('dicom.transcode-unsupported');
  });

  it.each(sources)('fails on a truncated source: %s', async (from) => {
    const bytes = writeDataSet({ elements: rich, transferSyntaxUid: from });
    const to = from === implicitLittleEndian ? explicitLittleEndian : implicitLittleEndian;
    expect(await rejectionOf(gather(transcodeDataSet(chunked(bytes.subarray(0, bytes.length - 20)), from, to)))).toBe('dicom.truncated');
  });

  it("passes the source's own error on, and lets go of the source when nobody reads on", async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield writeDataSet({ elements: rich, transferSyntaxUid: deflated }).subarray(0, 100);
      throw new Error('the store is gone');
    }
    await expect(gather(transcodeDataSet(failing(), deflated, explicitLittleEndian))).rejects.toThrow('the store is gone');
    let closed = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        yield writeDataSet({ elements: rich, transferSyntaxUid: explicitBigEndian });
        for (;;) yield writeDataSet({ elements: [element('FFFCFFFC', 'OB', Buffer.alloc(100))], transferSyntaxUid: explicitBigEndian });
      } finally {
        closed = true;
      }
    }
    for await (const _chunk of transcodeDataSet(endless(), explicitBigEndian, explicitLittleEndian)) break;
    expect(closed).toBe(true);
  });
});

describe('overlays', () => {
  const overlay: Overlay = {
    '00100010': { vr: 'PN', Value: [{ Alphabetic: 'New^Name' }] },
    '00100021': { vr: 'LO', Value: ['ISSUER'] },
    '00090010': null,
    '00400275': { vr: 'SQ', Value: [{ '00400007': { vr: 'LO', Value: ['replaced'] } }] },
    '00020016': null,
    '20500020': { vr: 'CS', Value: ['IDENTITY'] },
  };

  it.each([
    [implicitLittleEndian, explicitLittleEndian],
    [explicitLittleEndian, explicitLittleEndian],
    [explicitBigEndian, explicitBigEndian],
    [deflated, deflated],
    [explicitBigEndian, implicitLittleEndian],
  ])('replace, insert and remove from %s to %s', async (from, to) => {
    const { header } = scanDataSet(await transcode(rich, from, to, overlay), to);
    const plain = scanDataSet(writeDataSet({ elements: rich }), explicitLittleEndian).header;
    const { '00090010': _removed, ...kept } = plain;
    const { '00090010': _null, '00020016': _meta, ...written } = overlay;
    expect(header).toEqual({ ...kept, ...written });
  });

  it('are applied to compressed data sets', async () => {
    const instance = aStudy({ ...TINY, transferSyntaxUid: jpegBaseline, frames: 3 }).instances[0]!;
    const bytes = await transcode(instance.elements(), jpegBaseline, jpegBaseline, overlay);
    const before = scanDataSet(writeDataSet({ elements: instance.elements(), transferSyntaxUid: jpegBaseline }), jpegBaseline);
    const after = scanDataSet(bytes, jpegBaseline);
    expect(after.header['00100010']).toEqual(overlay['00100010']);
    expect(after.pixels?.frames?.kind === 'encapsulated' && after.pixels.frames.frames.length).toBe(3);
    const [offset, length] = after.pixels!.span;
    const source = writeDataSet({ elements: instance.elements(), transferSyntaxUid: jpegBaseline });
    expect(bytes.subarray(offset, offset + length)).toEqual(source.subarray(before.pixels!.span[0], before.pixels!.span[0] + length));
  });

  it.each([
    ['', 'Ä山', 'Ä山', ['ISO_IR 192']],
    ['ISO_IR 100', 'Ä', 'Ä', ['ISO_IR 100']],
    ['ISO_IR 100', 'Ä山', 'Ä?', ['ISO_IR 100']],
    ['\\ISO 2022 IR 87', '山', '山', [null, 'ISO 2022 IR 87']],
  ])('are written in the character set %j of the source', async (charset, name, expected, terms) => {
    const elements = withIdentity(...(charset === '' ? [] : [element('00080005', 'CS', charset)]), element('00100010', 'PN', 'Old'));
    const bytes = await transcode(elements, explicitLittleEndian, implicitLittleEndian, {
      '00100010': { vr: 'PN', Value: [{ Alphabetic: name }] },
    });
    const { header } = scanDataSet(bytes, implicitLittleEndian);
    expect(header['00100010']?.Value).toEqual([{ Alphabetic: expected }]);
    expect(header['00080005']?.Value).toEqual(terms);
  });

  it('come after the last element, too, and into an empty data set', async () => {
    const bytes = await transcode([], explicitLittleEndian, explicitLittleEndian, overlay);
    expect(Object.keys(scanDataSet(bytes, explicitLittleEndian).header).toSorted()).toEqual([
      '00100010',
      '00100021',
      '00400275',
      '20500020',
    ]);
  });
});

describe('inflateDataSet', () => {
  it('gives the data set that was deflated', async () => {
    const bytes = await gather(inflateDataSet(chunked(writeDataSet({ elements: rich, transferSyntaxUid: deflated }))));
    expect(bytes).toEqual(writeDataSet({ elements: rich }));
  });

  it('tells damage', async () => {
    expect(await rejectionOf(gather(inflateDataSet(chunked(Buffer.alloc(50, 0xff)))))).toBe('dicom.invalid-structure');
  });
});
