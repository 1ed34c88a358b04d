import type { Scope } from '@cairn/core';
import { TRANSFER_SYNTAXES, vrRule } from '@cairn/dicom';
import type { Span } from '@cairn/dicom';
import type { RetrievableInstance } from '@cairn/metadata-store';
import { cutSpans, shiftBits, swapWords } from './byte-streams.ts';
import type { Bytes } from './byte-streams.ts';
import type { StoredBytes } from './stored-bytes.ts';

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
  /** What is turned round in a big endian value: OW counts in words of 16 bits whatever the pixels' size (PS3.5 §8.1.1). */
  readonly #wordBytes: number;

  /** @param span - of the value, in the coordinates of the index */
  constructor(stored: StoredBytes, instance: RetrievableInstance, span: Span, vr: string) {
    this.#stored = stored;
    this.#instance = instance;
    this.#span = span;
    const { bigEndian = false } = TRANSFER_SYNTAXES.get(instance.version.transferSyntaxUid) ?? {};
    this.#wordBytes = bigEndian ? vrRule(vr).wordSize : 1;
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
