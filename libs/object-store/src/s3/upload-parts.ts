import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { PART_BYTES } from './upload-budget.ts';
import type { UploadBudget, UploadReservation } from './upload-budget.ts';

/** Chunks below this size are copied together: each of them would keep a whole receive buffer in memory. */
const SMALL_CHUNK_BYTES = 4 * 1024;
const PAGE_BYTES = 64 * 1024;

/** A piece of a body that is sent with one request. */
export interface UploadPart {
  /** From 1. */
  number: number;
  chunks: readonly Uint8Array[];
  sizeBytes: number;
  sha256: Buffer;
  /** The body ends with it. */
  last: boolean;
  /** Gives its memory back. */
  release: () => void;
}

/**
 * Cuts a source into parts of exactly 16 MiB and a rest, within the budget. A part is given when it is known whether it is the
 * last one; an empty source gives one empty part.
 */
export class UploadParts {
  sizeBytes = 0;
  readonly #budget: UploadBudget;
  /** Over everything; taken from the first part's, so that a body of one part is hashed once. */
  #wholeHash: Hash | undefined;
  #part: OpenPart | undefined;

  constructor(budget: UploadBudget) {
    this.#budget = budget;
  }

  /** SHA-256 of all parts; after the last one was given. */
  sha256(): string {
    return this.#wholeHash!.copy().digest('hex');
  }

  /** The parts of a source; what is not yet given is released when it fails or is left. */
  async *of(source: AsyncIterable<Uint8Array>, signal?: AbortSignal): AsyncGenerator<UploadPart, void, undefined> {
    try {
      let part = this.#openPart(1);
      for await (const chunk of source) {
        for (let offset = 0; offset < chunk.length;) {
          if (part.sizeBytes === PART_BYTES) {
            yield this.#finish(part, false);
            part = this.#openPart(part.number + 1);
          }
          const piece = chunk.subarray(offset, offset + PART_BYTES - part.sizeBytes);
          const granted = part.reservation.take(piece.length, signal);
          if (granted !== undefined) await granted;
          part.add(piece);
          this.#wholeHash?.update(piece);
          this.sizeBytes += piece.length;
          offset += piece.length;
        }
      }
      yield this.#finish(part, true);
    } finally {
      this.#part?.reservation.release();
    }
  }

  #openPart(number: number): OpenPart {
    this.#part = new OpenPart(number, this.#budget.open());
    return this.#part;
  }

  #finish(part: OpenPart, last: boolean): UploadPart {
    this.#wholeHash ??= part.hash.copy();
    this.#part = undefined;
    return part.finish(last);
  }
}

/** The part that is being filled. */
class OpenPart {
  readonly hash = createHash('sha256');
  readonly number: number;
  readonly reservation: UploadReservation;
  sizeBytes = 0;
  readonly #chunks: Uint8Array[] = [];
  /** Where small chunks go; its filled beginning is the last of the chunks. */
  #page: { buffer: Buffer; filledBytes: number } | undefined;

  constructor(number: number, reservation: UploadReservation) {
    this.number = number;
    this.reservation = reservation;
  }

  add(chunk: Uint8Array): void {
    this.hash.update(chunk);
    this.sizeBytes += chunk.length;
    if (chunk.length < SMALL_CHUNK_BYTES) return this.#addSmall(chunk);
    this.#page = undefined;
    this.#chunks.push(chunk);
  }

  finish(last: boolean): UploadPart {
    const { reservation, sizeBytes } = this;
    reservation.seal();
    const release = (): void => reservation.release();
    return { number: this.number, chunks: this.#chunks, sizeBytes, sha256: this.hash.digest(), last, release };
  }

  #addSmall(chunk: Uint8Array): void {
    if (this.#page === undefined || this.#page.filledBytes + chunk.length > PAGE_BYTES) {
      this.#page = { buffer: Buffer.allocUnsafeSlow(PAGE_BYTES), filledBytes: 0 };
      this.#chunks.push(this.#page.buffer);
    }
    this.#page.buffer.set(chunk, this.#page.filledBytes);
    this.#page.filledBytes += chunk.length;
    this.#chunks[this.#chunks.length - 1] = this.#page.buffer.subarray(0, this.#page.filledBytes);
  }
}
