import type { DicomJson } from '@cairn/core';
import type { FrameTable, PixelDataDescription, Span } from '../scan-result.ts';
import { TRANSFER_SYNTAXES } from '../tables/transfer-syntaxes.ts';
import type { FragmentCollector } from './fragment-collector.ts';
import type { FoundPixelData } from './header-builder.ts';

const RLE_LOSSLESS = '1.2.840.10008.1.2.5';

/** Native pixels of these interpretations share chroma: bits a pixel as a multiple of BitsAllocated (PS3.3 C.7.6.3.1.2). */
const SUBSAMPLED: Readonly<Record<string, number>> = { YBR_FULL_422: 2, YBR_PARTIAL_422: 2, YBR_PARTIAL_420: 1.5 };

/** BitsAllocated by pixel data tag, where the attribute is not there. */
const BITS_BY_TAG: Readonly<Record<string, number>> = { '7FE00008': 32, '7FE00009': 64 };

type Frames = Pick<PixelDataDescription, 'frames' | 'problem'>;

/** Describes pixel data and tells where its frames lie. Attributes that make no sense give a `problem`, never an error. */
export function describePixels(
  found: FoundPixelData,
  header: DicomJson,
  transferSyntaxUid: string,
  extendedOffsetTable: Buffer | undefined,
): PixelDataDescription {
  const { tag, vr, span, fragments } = found;
  const description = {
    tag,
    vr,
    transferSyntaxUid,
    span,
    numberOfFrames: numberOf(header, '00280008') ?? 1,
    rows: numberOf(header, '00280010') ?? 0,
    columns: numberOf(header, '00280011') ?? 0,
    samplesPerPixel: numberOf(header, '00280002') ?? 1,
    bitsAllocated: numberOf(header, '00280100') ?? BITS_BY_TAG[tag] ?? 0,
  };
  if (fragments) return { ...description, ...compressedFrames(description, fragments, extendedOffsetTable) };
  return { ...description, ...nativeFrames(description, header) };
}

/** The attribute's number; 0 for a value that is none, undefined for no value. */
function numberOf(header: DicomJson, tag: string): number | undefined {
  const element = header[tag];
  if (element?.Value === undefined) return undefined;
  const value = element.Value[0];
  return typeof value === 'number' ? value : 0;
}

function nativeFrames(pixels: PixelDataDescription, header: DicomJson): Frames {
  const { rows, columns, samplesPerPixel, bitsAllocated, numberOfFrames, span } = pixels;
  const factors = [rows, columns, samplesPerPixel, bitsAllocated, numberOfFrames];
  if (!factors.every((factor) => Number.isSafeInteger(factor) && factor > 0))
    return { problem: 'the attributes do not tell the size of a frame' };
  const photometric = header['00280004']?.Value?.[0];
  const samples = samplesPerPixel === 3 && typeof photometric === 'string' ? (SUBSAMPLED[photometric] ?? 3) : samplesPerPixel;
  const frameBits = Math.ceil(rows * columns * samples * bitsAllocated);
  if (!Number.isSafeInteger(frameBits * numberOfFrames)) return { problem: 'the attributes do not tell the size of a frame' };
  const [offset, length] = span;
  const present = Math.min(numberOfFrames, Math.floor((length * 8) / frameBits));
  const frames: FrameTable = { kind: 'native', offset, length, frameBits, count: present };
  if (present === numberOfFrames) return { frames };
  return { frames, problem: `the value holds ${present} of ${numberOfFrames} frames` };
}

function compressedFrames(pixels: PixelDataDescription, collector: FragmentCollector, extended: Buffer | undefined): Frames {
  const { fragments } = collector;
  if (collector.isOverfull) return { problem: 'more fragments than are kept' };
  if (TRANSFER_SYNTAXES.get(pixels.transferSyntaxUid)?.video) return { frames: { kind: 'video', fragments } };
  const table = readOffsetTable(collector, extended);
  const byTable = table && groupAtOffsets(fragments, table.offsets);
  const contradiction = table && !byTable ? `the ${table.name} contradicts the fragments` : undefined;
  const frames = byTable ?? groupByCount(pixels, collector);
  return judged(frames, contradiction, pixels.numberOfFrames);
}

function judged(frames: Span[][] | undefined, contradiction: string | undefined, count: number): Frames {
  if (!frames) return { problem: contradiction ?? `the fragments cannot be told apart into ${count} frames` };
  const difference = frames.length === count ? undefined : `${frames.length} frames are encoded, ${count} declared`;
  const problem = contradiction ?? difference;
  return { frames: { kind: 'encapsulated', frames }, ...(problem !== undefined && { problem }) };
}

/** Offsets from the first fragment's item, of whichever table is not empty (PS3.5 §A.4, PS3.3 C.7.6.3.1.8). */
function readOffsetTable(collector: FragmentCollector, extended: Buffer | undefined): { name: string; offsets: number[] } | undefined {
  if (extended && extended.length >= 8) {
    const offsets = Array.from({ length: Math.floor(extended.length / 8) }, (_, index) => Number(extended.readBigUInt64LE(index * 8)));
    return { name: 'extended offset table', offsets };
  }
  const basic = collector.basicOffsetTable;
  if (!basic || basic.length < 4) return undefined;
  const offsets = Array.from({ length: Math.floor(basic.length / 4) }, (_, index) => basic.readUInt32LE(index * 4));
  return { name: 'basic offset table', offsets };
}

/** Cuts the fragments where the offsets say; undefined unless each offset is a fragment's start, ascending, from the first. */
function groupAtOffsets(fragments: readonly Span[], offsets: readonly number[]): Span[][] | undefined {
  const first = fragments[0];
  if (!first || offsets[0] !== 0) return undefined;
  const groups: Span[][] = [];
  for (const fragment of fragments) {
    if (fragment[0] - first[0] === offsets[groups.length]) groups.push([]);
    groups.at(-1)!.push(fragment);
  }
  return groups.length === offsets.length ? groups : undefined;
}

/** Without a table: one fragment a frame, all for the only frame, or one frame from each code stream's start. */
function groupByCount(pixels: PixelDataDescription, collector: FragmentCollector): Span[][] | undefined {
  const { fragments, starts } = collector;
  const count = pixels.numberOfFrames;
  if (fragments.length === count || pixels.transferSyntaxUid === RLE_LOSSLESS) return fragments.map((fragment) => [fragment]);
  if (count === 1 && fragments.length > 0) return [[...fragments]];
  if (starts[0] !== 0 || (starts.length !== count && starts.length !== fragments.length)) return undefined;
  return starts.map((start, index) => fragments.slice(start, starts[index + 1]));
}
