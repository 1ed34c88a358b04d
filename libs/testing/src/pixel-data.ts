import { element } from './dicom-element.ts';
import type { ElementSpec } from './dicom-element.ts';
import { seededBytes, seededFrame } from './seeded.ts';
import { TRANSFER_SYNTAX } from './write-dicom.ts';

/** The pixel data of one phantom. */
export interface PixelSpec {
  seed: number;
  rows: number;
  columns: number;
  frames: number;
  bitsAllocated: number;
  transferSyntaxUid: string;
  fragmentsPerFrame: number;
  /** How the frames of encapsulated data are found: offsets in the first item, an empty first item, or (7FE0,0001) and (7FE0,0002). */
  offsetTable: 'basic' | 'empty' | 'extended';
}

const UNCOMPRESSED = new Set<string>([
  TRANSFER_SYNTAX.implicitLittleEndian,
  TRANSFER_SYNTAX.explicitLittleEndian,
  TRANSFER_SYNTAX.explicitBigEndian,
  TRANSFER_SYNTAX.deflated,
]);

/** True when the pixel data of this transfer syntax is fragments. */
export function isEncapsulated(transferSyntaxUid: string): boolean {
  return !UNCOMPRESSED.has(transferSyntaxUid);
}

/** The elements of group 7FE0. Codestreams other than RLE are noise between the right markers: they cannot be decoded. */
export function pixelDataElements(spec: PixelSpec): ElementSpec[] {
  if (!isEncapsulated(spec.transferSyntaxUid)) return [element('7FE00010', spec.bitsAllocated > 8 ? 'OW' : 'OB', nativePixels(spec))];
  if (spec.transferSyntaxUid === TRANSFER_SYNTAX.mpeg4) return [video(spec)];
  const frames = Array.from({ length: spec.frames }, (_, index) => splitEven(encodedFrame(spec, index), spec.fragmentsPerFrame));
  const lengths = frames.map((fragments) => fragments.reduce((sum, fragment) => sum + fragment.length + 8, 0));
  const offsets = lengths.map((_, index) => lengths.slice(0, index).reduce((sum, length) => sum + length, 0));
  const basic = spec.offsetTable === 'basic' ? Buffer.from(Uint32Array.from(offsets).buffer) : Buffer.alloc(0);
  const pixelData: ElementSpec = { tag: '7FE00010', vr: 'OB', fragments: [basic, ...frames.flat()] };
  if (spec.offsetTable !== 'extended') return [pixelData];
  // Lengths of the frames without item heads; one fragment a frame (PS3.3 §C.7.6.3.1.8).
  return [
    element('7FE00001', 'OV', offsets),
    element(
      '7FE00002',
      'OV',
      lengths.map((length) => length - 8),
    ),
    pixelData,
  ];
}

function nativePixels(spec: PixelSpec): Buffer {
  const frames = Array.from({ length: spec.frames }, (_, index) =>
    seededFrame(spec.seed + index, spec.rows, spec.columns, spec.bitsAllocated),
  );
  const pixels = frames.length === 1 ? frames[0]! : Buffer.concat(frames);
  return spec.transferSyntaxUid === TRANSFER_SYNTAX.explicitBigEndian && spec.bitsAllocated > 8 ? pixels.swap16() : pixels;
}

/** The whole video is one stream; fragments cut it anywhere. */
function video(spec: PixelSpec): ElementSpec {
  const stream = Buffer.concat([Buffer.from('000000186674797069736f6d', 'hex'), seededBytes(spec.seed, spec.frames * 500)]);
  return { tag: '7FE00010', vr: 'OB', fragments: [Buffer.alloc(0), ...splitEven(stream, spec.fragmentsPerFrame)] };
}

/** One frame as a codestream. */
function encodedFrame(spec: PixelSpec, index: number): Buffer {
  if (spec.transferSyntaxUid === TRANSFER_SYNTAX.rle)
    return encodeRle(seededFrame(spec.seed + index, spec.rows, spec.columns, spec.bitsAllocated), spec.bitsAllocated / 8);
  const body = seededBytes(spec.seed + index, Math.max(64, Math.floor((spec.rows * spec.columns * spec.bitsAllocated) / 24)));
  // 0xFF would read as a marker.
  for (let at = 0; at < body.length; at++) if (body[at] === 0xff) body[at] = 0xfe;
  return Buffer.concat([Buffer.from('ffd8', 'hex'), body, Buffer.from('ffd9', 'hex')]);
}

/** RLE of literal runs only (PS3.5 annex G): every byte plane is a segment, the most significant first. */
function encodeRle(frame: Buffer, bytesPerPixel: number): Buffer {
  const header = Buffer.alloc(64);
  header.writeUInt32LE(bytesPerPixel);
  const segments: Buffer[] = [];
  let offset = 64;
  for (let plane = 0; plane < bytesPerPixel; plane++) {
    header.writeUInt32LE(offset, 4 + plane * 4);
    const bytes = Uint8Array.from(
      { length: frame.length / bytesPerPixel },
      (_, pixel) => frame[pixel * bytesPerPixel + bytesPerPixel - 1 - plane]!,
    );
    const segment = literalRuns(bytes);
    segments.push(segment);
    offset += segment.length;
  }
  return Buffer.concat([header, ...segments]);
}

function literalRuns(bytes: Uint8Array): Buffer {
  const runs: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 128) {
    const run = bytes.subarray(at, at + 128);
    runs.push(Uint8Array.of(run.length - 1), run);
  }
  return padEven(Buffer.concat(runs));
}

function splitEven(bytes: Buffer, parts: number): Buffer[] {
  const even = padEven(bytes);
  const size = Math.ceil(even.length / parts / 2) * 2;
  return Array.from({ length: parts }, (_, index) => even.subarray(index * size, (index + 1) * size));
}

function padEven(bytes: Buffer): Buffer {
  return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)]);
}
