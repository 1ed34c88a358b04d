/** The synthetic images that the bench sends. */
import { randomBytes } from 'node:crypto';
import type { ElementSpec } from '@cairn/testing';
import { element } from '@cairn/testing';
import type { ImageShape } from './header.ts';
import { headerElements, metaElements } from './header.ts';
import type { SlotValues } from './template.ts';
import { Template } from './template.ts';

const MIB = 1024 * 1024;

/** Pixels are this noise, repeated: incompressible, and shared by all instances, so that the sender's memory stays small. */
export const NOISE = randomBytes(MIB);

/** One kind of image in Explicit VR Little Endian: a small head that differs per instance, then `pixelBytes` of noise. */
export interface Phantom {
  readonly sopClassUid: string;
  readonly frameBytes: number;
  readonly pixelBytes: number;
  /** Data set up to and including the header of Pixel Data. */
  readonly head: Template;
  /** Preamble, `DICM` and file meta information. */
  readonly meta: Template;
}

const CT_IMAGE = '1.2.840.10008.5.1.4.1.1.2';
const CR_IMAGE = '1.2.840.10008.5.1.4.1.1.1';
const MULTI_FRAME_GRAYSCALE_WORD = '1.2.840.10008.5.1.4.1.1.7.3';

/** A CT slice of 512 × 512 × 16 bit (528 KB). */
export function ctSlice(): Phantom {
  return phantom({ sopClassUid: CT_IMAGE, modality: 'CT', rows: 512, columns: 512, bitsAllocated: 16 });
}

/** A CR image of 3000 × 3000 × 16 bit (18 MB). */
export function crImage(): Phantom {
  return phantom({ sopClassUid: CR_IMAGE, modality: 'CR', rows: 3000, columns: 3000, bitsAllocated: 16 });
}

/** An image of 16 × 16 × 8 bit (3.5 KB): the smallest with a full header, for filling an index. */
export function tinyImage(): Phantom {
  return phantom({ sopClassUid: CT_IMAGE, modality: 'CT', rows: 16, columns: 16, bitsAllocated: 8 });
}

/** A multi-frame image of 512 KiB frames, as many as fit `sizeBytes`. */
export function multiFrame(sizeBytes: number): Phantom {
  const frames = Math.floor(sizeBytes / (MIB / 2));
  return phantom({ sopClassUid: MULTI_FRAME_GRAYSCALE_WORD, modality: 'OT', rows: 512, columns: 512, bitsAllocated: 16, frames });
}

function phantom(shape: ImageShape): Phantom {
  const frameBytes = (shape.rows * shape.columns * shape.bitsAllocated) / 8;
  const pixelBytes = frameBytes * (shape.frames ?? 1);
  return {
    sopClassUid: shape.sopClassUid,
    frameBytes,
    pixelBytes,
    head: new Template([...headerElements(shape), pixelDataHeader(shape.bitsAllocated, pixelBytes)]),
    meta: metaTemplate(shape.sopClassUid),
  };
}

/** Pixel Data without its value, which is sent as noise after the head. */
function pixelDataHeader(bitsAllocated: number, pixelBytes: number): ElementSpec {
  return element('7FE00010', bitsAllocated === 8 ? 'OB' : 'OW', '', { claimedLength: pixelBytes });
}

/** Group length (PS3.10 §7.1) counts the elements after it; they have a constant length here. */
function metaTemplate(sopClassUid: string): Template {
  const elements = metaElements(sopClassUid);
  return new Template([element('00020000', 'UL', new Template(elements).length), ...elements]);
}

/** Bytes of the data set of one instance, without file meta information. */
export function datasetBytes(phantom: Phantom): number {
  return phantom.head.length + phantom.pixelBytes;
}

/** Preamble, meta information and head of one instance as a Part 10 file; the pixels follow. */
export function part10Head(phantom: Phantom, values: SlotValues): Buffer {
  const PREAMBLE = 128;
  const bytes = Buffer.alloc(PREAMBLE + 4 + phantom.meta.length + phantom.head.length);
  bytes.write('DICM', PREAMBLE);
  phantom.meta.fill(values, bytes, PREAMBLE + 4);
  phantom.head.fill(values, bytes, PREAMBLE + 4 + phantom.meta.length);
  return bytes;
}

/** `length` bytes of noise in pieces of at most 1 MiB. */
export function* noise(length: number): Generator<Buffer> {
  for (let left = length; left > 0; left -= NOISE.length) yield left >= NOISE.length ? NOISE : NOISE.subarray(0, left);
}
