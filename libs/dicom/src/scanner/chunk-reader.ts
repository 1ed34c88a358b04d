/**
 * Gives a parser contiguous bytes from chunks of any size. Only what straddles two chunks is copied, into one bounded buffer; a
 * chunk is never kept after the parser has asked for more.
 */
export class ChunkReader {
  /** After a successful {@link peek}: the bytes asked for start at `at` in `bytes`. */
  bytes: Buffer = EMPTY;
  at = 0;
  /** Position of the next byte in the whole stream. */
  offset: number;

  readonly #maxPeek: number;
  /** Made when the first value straddles two chunks. */
  #carry: Buffer = EMPTY;
  #carryStart = 0;
  #carryEnd = 0;
  #chunk: Buffer = EMPTY;
  #chunkAt = 0;

  /** @param maxPeek - the largest number of bytes that will be asked for at once */
  constructor(offset: number, maxPeek: number) {
    this.offset = offset;
    this.#maxPeek = maxPeek;
  }

  /** Takes the next chunk; the one before must have been read until a peek failed. */
  feed(chunk: Uint8Array): void {
    this.#chunk = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#chunkAt = 0;
  }

  /** Lets go of the chunk after its last byte was consumed or carried. */
  release(): void {
    this.#chunk = EMPTY;
    this.#chunkAt = 0;
    this.bytes = EMPTY;
  }

  /** Bytes that are held and not consumed. */
  get pending(): number {
    return this.#carryEnd - this.#carryStart + this.#chunk.length - this.#chunkAt;
  }

  /** Makes the next `length` bytes visible; false when they have not all arrived (those that have are then kept). */
  peek(length: number): boolean {
    if (this.#carryEnd === this.#carryStart && this.#chunk.length - this.#chunkAt >= length) {
      this.bytes = this.#chunk;
      this.at = this.#chunkAt;
      return true;
    }
    this.#fillCarry(length);
    this.bytes = this.#carry;
    this.at = this.#carryStart;
    return this.#carryEnd - this.#carryStart >= length;
  }

  /** Steps over `length` bytes that a peek has shown. */
  consume(length: number): void {
    this.offset += length;
    if (this.#carryEnd > this.#carryStart) this.#carryStart += length;
    else this.#chunkAt += length;
  }

  /** Steps over at most `length` bytes, shown or not, and gives how many there were. */
  skip(length: number): number {
    const carried = Math.min(length, this.#carryEnd - this.#carryStart);
    const direct = Math.min(length - carried, this.#chunk.length - this.#chunkAt);
    this.#carryStart += carried;
    this.#chunkAt += direct;
    this.offset += carried + direct;
    return carried + direct;
  }

  /** Like {@link skip}, but gives the bytes; at most what lies together. Valid until the next call. */
  take(length: number): Buffer {
    const carried = this.#carryEnd - this.#carryStart;
    const [from, start, available] =
      carried > 0 ? [this.#carry, this.#carryStart, carried] : [this.#chunk, this.#chunkAt, this.#chunk.length - this.#chunkAt];
    const part = from.subarray(start, start + Math.min(length, available));
    this.consume(part.length);
    return part;
  }

  #fillCarry(length: number): void {
    const held = this.#carryEnd - this.#carryStart;
    const missing = Math.max(0, Math.min(length - held, this.#chunk.length - this.#chunkAt));
    this.#makeRoom(held + missing);
    this.#chunk.copy(this.#carry, this.#carryEnd, this.#chunkAt, this.#chunkAt + missing);
    this.#carryEnd += missing;
    this.#chunkAt += missing;
  }

  /** Moves what is carried to the start of a buffer that holds `size` bytes; it grows with what has come, not with what is asked for. */
  #makeRoom(size: number): void {
    const from = this.#carry;
    if (size > from.length) this.#carry = Buffer.allocUnsafe(Math.min(Math.max(size, from.length * 2, LEAST_CARRY), this.#maxPeek));
    from.copy(this.#carry, 0, this.#carryStart, this.#carryEnd);
    this.#carryEnd -= this.#carryStart;
    this.#carryStart = 0;
  }
}

/** Holds the headers and short values that straddle chunks most. */
const LEAST_CARRY = 512;
const EMPTY = Buffer.alloc(0);
