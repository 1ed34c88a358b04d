import type { Scope } from '@cairn/core';
import { EXPLICIT_VR_BIG_ENDIAN } from '@cairn/dicom';
import type { Span } from '@cairn/dicom';
import type { RetrievableInstance } from '@cairn/metadata-store';
import { cutSpans, shiftBits, swapWords } from './byte-streams.ts';
import type { Bytes } from './byte-streams.ts';
import type { StoredBytes } from './stored-bytes.ts';

/**
 * Bytes of a word by VR (PS3.5 §6.2): what a big endian value is turned round by. OW counts in words of 16 bits also where it
 * holds pixels of 8 or 32 (PS3.5 §8.1.1). UN, OB and text have none.
 */
const WORD_BYTES: Readonly<Record<string, 2 | 4 | 8>> = {
  OW: 2,
  US: 2,
  SS: 2,
  AT: 2,
  OF: 4,
  OL: 4,
  FL: 4,
  SL: 4,
  UL: 4,
  OD: 8,
  OV: 8,
  FD: 8,
  SV: 8,
  UV: 8,
};

/** A run of bits in an uncompressed value. */
export interface BitRun {
  startBit: number;
  bitCount: number;
}

/** Reads one uncompressed value, whatever its stored byte order, as little endian. */
export class NativeValue {
  readonly #stored: StoredBytes;
  readonly #instance: RetrievableInstance;
  readonly #span: Span;
  readonly #wordBytes: 1 | 2 | 4 | 8;

  /** @param span - of the value, in the coordinates of the index */
  constructor(stored: StoredBytes, instance: RetrievableInstance, span: Span, vr: string) {
    this.#stored = stored;
    this.#instance = instance;
    this.#span = span;
    this.#wordBytes = instance.version.transferSyntaxUid === EXPLICIT_VR_BIG_ENDIAN ? (WORD_BYTES[vr] ?? 1) : 1;
  }

  /** The bits of a run, moved to start at a byte. The run lies within the value. */
  read(scope: Scope, { startBit, bitCount }: BitRun, signal?: AbortSignal): Bytes {
    const first = Math.floor(startBit / 8);
    const end = Math.ceil((startBit + bitCount) / 8);
    const bytes = this.#readBytes(scope, first, end, signal);
    return startBit % 8 === 0 && bitCount % 8 === 0 ? bytes : shiftBits(bytes, startBit % 8, bitCount);
  }

  #readBytes(scope: Scope, first: number, end: number, signal?: AbortSignal): Bytes {
    const [offset, length] = this.#span;
    const wordBytes = this.#wordBytes;
    if (wordBytes === 1) return this.#stored.read(scope, this.#instance, [[offset + first, end - first]], signal);
    const wordFirst = first - (first % wordBytes);
    const wordEnd = Math.min(length, Math.ceil(end / wordBytes) * wordBytes);
    const words = this.#stored.read(scope, this.#instance, [[offset + wordFirst, wordEnd - wordFirst]], signal);
    return cutSpans(swapWords(words, wordBytes), wordFirst, [[first, end - first]]);
  }
}
