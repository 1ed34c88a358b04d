import { describe, expect, it } from '@jest/globals';
import type { FrameTable, PixelDataDescription } from '@cairn/dicom';
import { CT_SLICE, TRANSFER_SYNTAX, aStudy, element, writeDicom } from '@cairn/testing';
import type { ElementSpec } from '@cairn/testing';
import { scan, withIdentity } from './support.ts';

const { jpegBaseline, rle, mpeg4, explicitLittleEndian } = TRANSFER_SYNTAX;

function image(
  attributes: { frames?: string; rows?: number; columns?: number; bits?: number; samples?: number; photometric?: string } = {},
): ElementSpec[] {
  const { frames, rows = 4, columns = 4, bits = 8, samples = 1, photometric = 'MONOCHROME2' } = attributes;
  return [
    element('00280002', 'US', samples),
    element('00280004', 'CS', photometric),
    ...(frames === undefined ? [] : [element('00280008', 'IS', frames)]),
    element('00280010', 'US', rows),
    element('00280011', 'US', columns),
    element('00280100', 'US', bits),
  ];
}

function describePixels(transferSyntaxUid: string, elements: readonly ElementSpec[]): { pixels: PixelDataDescription; bytes: Buffer } {
  const bytes = writeDicom({ elements: withIdentity(...elements), transferSyntaxUid });
  const whole = scan(bytes);
  expect(scan(bytes, {}, 1)).toEqual(whole);
  return { pixels: whole.pixels!, bytes };
}

/** Each frame's bytes as text. */
function framesOf(bytes: Buffer, table: FrameTable | undefined): string[] {
  if (table?.kind !== 'encapsulated') return [];
  return table.frames.map((frame) => frame.map(([offset, length]) => bytes.toString('latin1', offset, offset + length)).join(''));
}

const uint32 = (...values: number[]): Buffer => Buffer.concat(values.map((value) => Buffer.of(value & 255, value >> 8, 0, 0)));
const uint64 = (...values: number[]): Buffer => Buffer.concat(values.map((value) => Buffer.of(value & 255, value >> 8, 0, 0, 0, 0, 0, 0)));
const fragments = (table: Buffer, ...texts: string[]): ElementSpec => ({
  tag: '7FE00010',
  vr: 'OB',
  fragments: [table, ...texts.map((text) => Buffer.from(text, 'latin1'))],
});
const empty = Buffer.alloc(0);

describe('native pixel data', () => {
  it('has its frames one after the other', () => {
    const { pixels, bytes } = describePixels(explicitLittleEndian, [
      ...image({ frames: '3' }),
      element('7FE00010', 'OB', Buffer.alloc(48, 1)),
    ]);
    expect(pixels).toMatchObject({
      tag: '7FE00010',
      vr: 'OB',
      numberOfFrames: 3,
      rows: 4,
      columns: 4,
      samplesPerPixel: 1,
      bitsAllocated: 8,
    });
    expect(pixels.frames).toEqual({ kind: 'native', offset: bytes.length - 48, length: 48, frameBits: 128, count: 3 });
    expect(pixels.span).toEqual([bytes.length - 48, 48]);
  });

  it('may have frames that end within a byte', () => {
    const { pixels } = describePixels(explicitLittleEndian, [
      ...image({ frames: '3', rows: 3, columns: 3, bits: 1 }),
      element('7FE00010', 'OB', Buffer.alloc(4)),
    ]);
    expect(pixels.frames).toMatchObject({ kind: 'native', frameBits: 9, count: 3 });
    expect(pixels.problem).toBeUndefined();
  });

  it.each([
    ['YBR_FULL_422', 256],
    ['RGB', 384],
  ])('of %s takes %d bits a frame', (photometric, frameBits) => {
    const { pixels } = describePixels(explicitLittleEndian, [
      ...image({ photometric, samples: 3 }),
      element('7FE00010', 'OB', Buffer.alloc(48)),
    ]);
    expect(pixels.frames).toMatchObject({ frameBits, count: 1 });
  });

  it.each([
    ['7FE00008', 'OF', 4],
    ['7FE00009', 'OD', 8],
  ])('may be floating point: %s', (tag, vr, sampleBytes) => {
    const { pixels } = describePixels(explicitLittleEndian, [
      ...image({ bits: sampleBytes * 8 }),
      element(tag, vr, Buffer.alloc(16 * sampleBytes)),
    ]);
    expect(pixels).toMatchObject({ tag, vr, frames: { kind: 'native', frameBits: 128 * sampleBytes, count: 1 } });
  });

  it('that is too short has the frames that are there', () => {
    const { pixels } = describePixels(explicitLittleEndian, [...image({ frames: '3' }), element('7FE00010', 'OB', Buffer.alloc(40))]);
    expect(pixels.frames).toMatchObject({ count: 2 });
    expect(pixels.problem).toBe('the value holds 2 of 3 frames');
  });

  it.each([
    ['no rows', image({ rows: 0 })],
    ['negative frames', image({ frames: '-3' })],
    ['frames that are no number', image({ frames: '1A' })],
    ['huge sizes', image({ rows: 65535, columns: 65535, frames: '2147483647' })],
    ['0 bits', image({ bits: 0 })],
    ['no attributes', []],
  ])('with %s is described without frames', (_what, elements) => {
    const { pixels } = describePixels(explicitLittleEndian, [...elements, element('7FE00010', 'OW', Buffer.alloc(32))]);
    expect(pixels.problem).toBeDefined();
    expect(pixels.frames === undefined || (pixels.frames.kind === 'native' && pixels.frames.count === 0)).toBe(true);
  });

  it('in an icon is no pixel data of the instance', () => {
    const bytes = aStudy(CT_SLICE).instances[0]!.bytes();
    expect(scan(bytes).pixels?.frames).toMatchObject({ count: 1 });
    const icon = { tag: '00880200', vr: 'SQ', items: [[element('7FE00010', 'OB', Buffer.alloc(16))]] };
    const result = scan(writeDicom({ elements: withIdentity(icon) }));
    expect(result.pixels).toBeUndefined();
    expect(Object.keys(result.bulk)).toEqual(['00880200/0/7FE00010']);
  });
});

describe('encapsulated pixel data', () => {
  const threeFrames = image({ frames: '3' });

  it.each([
    ['a basic offset table', [fragments(uint32(0, 10, 30), 'aa', 'bb', 'cc', 'dd')]],
    [
      'an extended offset table',
      [element('7FE00001', 'OV', uint64(0, 10, 30)), element('7FE00002', 'OV', uint64(2, 12, 2)), fragments(empty, 'aa', 'bb', 'cc', 'dd')],
    ],
  ])('is cut into frames by %s', (_what, elements) => {
    const { pixels, bytes } = describePixels(jpegBaseline, [...threeFrames, ...elements]);
    expect(framesOf(bytes, pixels.frames)).toEqual(['aa', 'bbcc', 'dd']);
    expect(pixels.problem).toBeUndefined();
  });

  it('spans its items, the offset table first', () => {
    const { pixels, bytes } = describePixels(rle, [...image(), fragments(empty, 'aaaa')]);
    expect(pixels.span).toEqual([bytes.length - 8 - 12 - 8, 20]);
  });

  it('has a fragment a frame without a table', () => {
    const { pixels, bytes } = describePixels(rle, [...threeFrames, fragments(empty, 'aa', 'bb', 'cc')]);
    expect(framesOf(bytes, pixels.frames)).toEqual(['aa', 'bb', 'cc']);
  });

  it('of one frame is all its fragments', () => {
    const { pixels, bytes } = describePixels(jpegBaseline, [...image(), fragments(empty, 'aa', 'bb')]);
    expect(framesOf(bytes, pixels.frames)).toEqual(['aabb']);
  });

  it('is cut where code streams start', () => {
    const start = '\xff\xd8\xff\xe0';
    const { pixels, bytes } = describePixels(jpegBaseline, [...threeFrames, fragments(empty, `${start}a`, 'b!', `${start}c`, `${start}d`)]);
    expect(framesOf(bytes, pixels.frames)).toEqual([`${start}ab!`, `${start}c`, `${start}d`]);
  });

  it('that cannot be cut has no frames', () => {
    const { pixels } = describePixels(jpegBaseline, [...threeFrames, fragments(empty, 'aa', 'bb')]);
    expect(pixels.frames).toBeUndefined();
    expect(pixels.problem).toContain('cannot be told apart');
  });

  it('of a video is one object', () => {
    const { pixels } = describePixels(mpeg4, [...image({ frames: '50' }), fragments(empty, 'aaaa', 'bb')]);
    expect(pixels.frames).toMatchObject({ kind: 'video', fragments: [expect.anything(), expect.anything()] });
  });

  it.each([
    ['points into the middle of a fragment', uint32(0, 12, 20)],
    ['repeats a frame', uint32(0, 10, 10)],
    ['runs backwards', uint32(0, 20, 10)],
    ['points beyond the end', uint32(0, 10, 4000)],
    ['does not begin at the first fragment', uint32(10, 20, 30)],
  ])('case 33: a basic offset table that %s loses against the fragments', (_what, table) => {
    const { pixels, bytes } = describePixels(jpegBaseline, [...threeFrames, fragments(table, 'aa', 'bb', 'cc')]);
    expect(framesOf(bytes, pixels.frames)).toEqual(['aa', 'bb', 'cc']);
    expect(pixels.problem).toBe('the basic offset table contradicts the fragments');
    const untold = describePixels(jpegBaseline, [...threeFrames, fragments(table, 'aa', 'bb', 'cc', 'dd', 'ee')]);
    expect(untold.pixels.frames).toBeUndefined();
  });

  it('case 33: an extended offset table that lies loses against the fragments', () => {
    const { pixels, bytes } = describePixels(jpegBaseline, [
      ...threeFrames,
      element('7FE00001', 'OV', Buffer.alloc(24, 0xff)),
      fragments(empty, 'aa', 'bb', 'cc'),
    ]);
    expect(framesOf(bytes, pixels.frames)).toEqual(['aa', 'bb', 'cc']);
    expect(pixels.problem).toBe('the extended offset table contradicts the fragments');
  });

  it('case 33: a table of fewer frames than declared gives the frames that are there', () => {
    const { pixels, bytes } = describePixels(jpegBaseline, [...threeFrames, fragments(uint32(0, 10), 'aa', 'bb')]);
    expect(framesOf(bytes, pixels.frames)).toEqual(['aa', 'bb']);
    expect(pixels.problem).toBe('2 frames are encoded, 3 declared');
  });

  it('with more fragments than are kept has no frames', () => {
    const elements = withIdentity(...image({ frames: '5' }), fragments(empty, 'aa', 'bb', 'cc', 'dd', 'ee'));
    const result = scan(writeDicom({ elements, transferSyntaxUid: rle }), { limits: { fragments: 4 } });
    expect(result.pixels?.problem).toBe('more fragments than are kept');
    expect(result.pixels?.frames).toBeUndefined();
  });

  it('case 42: 100,000 frames are listed', () => {
    const texts = Array.from({ length: 100_000 }, () => 'ab');
    const table = Buffer.alloc(400_000);
    texts.forEach((_text, index) => table.writeUInt32LE(index * 10, index * 4));
    const elements = withIdentity(...image({ frames: '100000' }), fragments(table, ...texts));
    const { pixels } = scan(writeDicom({ elements, transferSyntaxUid: jpegBaseline }), {}, 65_536);
    expect(pixels?.frames?.kind === 'encapsulated' && pixels.frames.frames.length).toBe(100_000);
    expect(pixels?.problem).toBeUndefined();
  });
});
