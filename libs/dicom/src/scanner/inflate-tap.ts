import { CairnError } from '@cairn/core';
import { Inflate } from 'fflate';
import type { ScanLimits } from './limits.ts';

/** Input is inflated in pieces of this size, so that one piece gives at most about 4 MiB (deflate's ratio is at most 1032). */
const PIECE = 4096;
/** Below this size no ratio is suspicious: an empty image deflates to nearly nothing. */
const RATIO_FREE_BYTES = 16 * 1024 * 1024;

/**
 * Inflates a raw deflate stream (RFC 1951) as it comes, synchronously, with a cap on size and ratio. Throws
 * `dicom.inflate-limit` beyond the caps, `dicom.invalid-structure` for bytes that are no deflate stream.
 */
export class InflateTap {
  readonly #limits: ScanLimits;
  readonly #inflate: Inflate;
  #deflatedBytes = 0;
  #inflatedBytes = 0;

  /** @param sink - takes the inflated bytes, valid during the call */
  constructor(limits: ScanLimits, sink: (bytes: Uint8Array) => void) {
    this.#limits = limits;
    this.#inflate = new Inflate((bytes) => {
      this.#inflatedBytes += bytes.length;
      this.#check();
      sink(bytes);
    });
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; at += PIECE) {
      const piece = chunk.subarray(at, at + PIECE);
      this.#deflatedBytes += piece.length;
      this.#run(() => this.#inflate.push(piece));
    }
  }

  /** Call after the last chunk; `dicom.truncated` when the stream is not complete. */
  end(): void {
    this.#run(() => this.#inflate.push(new Uint8Array(0), true));
  }

  #run(step: () => void): void {
    try {
      step();
    } catch (error) {
      if (CairnError.is(error)) throw error;
      const isCut = isFlateError(error) && error.code === UNEXPECTED_END;
      if (isCut) throw new CairnError('dicom.truncated', 'The deflated data set is cut off.', { cause: error });
      throw new CairnError('dicom.invalid-structure', 'The data set is no deflate stream.', { cause: error });
    }
  }

  #check(): void {
    const { inflatedBytes, inflateRatio } = this.#limits;
    const isSuspicious = this.#inflatedBytes > RATIO_FREE_BYTES && this.#inflatedBytes > inflateRatio * this.#deflatedBytes;
    if (!isSuspicious && this.#inflatedBytes <= inflatedBytes) return;
    throw new CairnError('dicom.inflate-limit', 'The deflated data set grows beyond the allowed size.', {
      details: { inflatedBytes: this.#inflatedBytes, deflatedBytes: this.#deflatedBytes },
    });
  }
}

/** fflate's FlateErrorCode.UnexpectedEOF. */
const UNEXPECTED_END = 0;

function isFlateError(error: unknown): error is Error & { code: number } {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'number';
}
