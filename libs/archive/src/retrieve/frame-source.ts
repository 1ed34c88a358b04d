import { CairnError } from '@cairn/core';
import type { Scope } from '@cairn/core';
import type { FrameTable, PixelDataDescription, Span } from '@cairn/dicom';
import type { RetrievableInstance } from '@cairn/metadata-store';
import type { ByteRange } from '@cairn/object-store';
import { clipRange, clipSpans } from './clip.ts';
import { NativeValue } from './native-value.ts';
import type { OutgoingFrames } from './retrieve.ts';
import type { StoredBytes } from './stored-bytes.ts';

type OutgoingFrame = OutgoingFrames['frames'][number];

/** Gives the frames of one instance out of its frame table (PS3.5 §8, §A.4). */
export class FrameSource {
  readonly #stored: StoredBytes;
  readonly #scope: Scope;
  readonly #instance: RetrievableInstance;
  readonly #pixels: PixelDataDescription;
  readonly #table: FrameTable;

  /** Pixel data without a frame table → `archive.frame-not-found` with the scanner's reason. */
  constructor(stored: StoredBytes, scope: Scope, instance: RetrievableInstance, pixels: PixelDataDescription | undefined) {
    if (pixels === undefined) throw notFound('The instance has no pixel data.');
    if (pixels.frames === undefined)
      throw notFound('The frames of this pixel data cannot be told apart.', { reason: pixels.problem ?? '' });
    this.#stored = stored;
    this.#scope = scope;
    this.#instance = instance;
    this.#pixels = pixels;
    this.#table = pixels.frames;
  }

  /** How many frames can be given: a video counts as one. */
  get count(): number {
    if (this.#table.kind === 'native') return this.#table.count;
    return this.#table.kind === 'encapsulated' ? this.#table.frames.length : 1;
  }

  /** One frame by its number from 1; `archive.frame-not-found` when there is none, or when its bytes are missing. */
  frame(number: number): OutgoingFrame {
    if (!Number.isSafeInteger(number) || number < 1 || number > this.count) {
      const hint = this.#table.kind === 'video' ? ' A video is given whole, as frame 1.' : '';
      const { problem } = this.#pixels;
      throw notFound(`The instance has no such frame.${hint}`, {
        frame: number,
        numberOfFrames: this.count,
        ...(problem === undefined ? {} : { reason: problem }),
      });
    }
    if (this.#table.kind === 'native') return this.#nativeFrame(number, this.#table);
    return this.#fragments(number, this.#table.kind === 'video' ? this.#table.fragments : this.#table.frames[number - 1]!);
  }

  #nativeFrame(number: number, table: Extract<FrameTable, { kind: 'native' }>): OutgoingFrame {
    const startBit = (number - 1) * table.frameBits;
    if (startBit + table.frameBits > table.length * 8 || !this.#stored.reaches(this.#instance, table.offset + table.length)) {
      throw notFound('The pixel data ends before this frame does.', { frame: number, pixelDataBytes: table.length });
    }
    const value = new NativeValue(this.#stored, this.#instance, [table.offset, table.length], this.#pixels.vr);
    const sizeBytes = Math.ceil(table.frameBits / 8);
    return {
      number,
      sizeBytes,
      open: (range, signal) => {
        const { start, end } = clipRange(range, sizeBytes);
        const bitCount = Math.min(end * 8, table.frameBits) - start * 8;
        return value.read(this.#scope, { startBit: startBit + start * 8, bitCount }, signal);
      },
    };
  }

  #fragments(number: number, fragments: readonly Span[]): OutgoingFrame {
    if (fragments.length === 0) throw notFound('The frame has no fragments.', { frame: number });
    if (!fragments.every(([offset, length]) => this.#stored.reaches(this.#instance, offset + length))) {
      throw notFound('The frame table leads outside the instance.', { frame: number });
    }
    const sizeBytes = fragments.reduce((sum, [, length]) => sum + length, 0);
    const open = (range?: ByteRange, signal?: AbortSignal) =>
      this.#stored.read(this.#scope, this.#instance, clipSpans(fragments, clipRange(range, sizeBytes)), signal);
    return { number, sizeBytes, open };
  }
}

function notFound(message: string, details: Record<string, string | number> = {}): CairnError {
  return new CairnError('archive.frame-not-found', message, { details });
}
