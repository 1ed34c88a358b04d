import { CairnError } from '@cairn/core';

/** Gathers the first bytes of a stream until there are as many as are needed; does not copy when the first chunk has them. */
export class PrefixBuffer {
  readonly #maxBytes: number;
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;
  #needed = 0;
  #borrowed = false;

  /** @param maxBytes - `dicom.limit-exceeded` when more are needed */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What has been gathered; valid until the next call. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Adds a chunk; true when there is as much as needed. */
  add(chunk: Uint8Array): boolean {
    if (this.#length === 0) {
      this.#buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      this.#borrowed = true;
    } else {
      this.#reserve(this.#length + chunk.length);
      this.#buffer.set(chunk, this.#length);
    }
    this.#length += chunk.length;
    const isEnough = this.#length >= this.#needed;
    if (!isEnough) this.#own();
    return isEnough;
  }

  /** Says that what is there is too little. The bytes are kept, the last chunk is not. */
  need(bytes: number): void {
    if (bytes > this.#maxBytes) throw new CairnError('dicom.limit-exceeded', 'The file meta information is too long.');
    this.#needed = bytes;
    this.#own();
  }

  clear(): void {
    this.#buffer = Buffer.alloc(0);
    this.#length = 0;
  }

  #own(): void {
    if (this.#borrowed) this.#buffer = Buffer.from(this.#buffer.subarray(0, this.#length));
    this.#borrowed = false;
  }

  #reserve(length: number): void {
    if (length <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(length, this.#buffer.length * 2, 512));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
