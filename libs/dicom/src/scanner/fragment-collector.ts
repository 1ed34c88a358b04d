import type { Span } from '../scan-result.ts';

/** The largest basic offset table that is kept to be checked: 4 bytes a frame. */
const MAX_OFFSET_TABLE = 8 * 1024 * 1024;

/** First bytes of a JPEG or JPEG-LS, JPEG 2000 and JPEG XL code stream. */
const STARTS: readonly number[] = [0xffd8, 0xff4f, 0xff0a];
/** First bytes of a JPEG 2000 or JPEG XL file: the length of its signature box. */
const BOX_START = 0x0000000c;
/** Bytes that tell. */
const START_LENGTH = 4;

/** Notes where the fragments of encapsulated pixel data lie (PS3.5 §A.4) and which of them start a code stream. */
export class FragmentCollector {
  /** In order, without the basic offset table. */
  readonly fragments: Span[] = [];
  /** Indexes of the fragments whose first bytes start a JPEG, JPEG-LS, JPEG 2000 or JPEG XL code stream. */
  readonly starts: number[] = [];
  /** More fragments than `maxFragments`: the list is not complete. */
  isOverfull = false;
  /** Items so far without the basic offset table; -1 before that. */
  count = -1;

  readonly #maxFragments: number;
  #tablePieces: Buffer[] | undefined;
  #firstBytes = 0;
  #seen = 0;

  constructor(maxFragments: number) {
    this.#maxFragments = maxFragments;
  }

  /** The basic offset table, empty when it was empty; undefined when it was too large or none came. */
  get basicOffsetTable(): Buffer | undefined {
    return this.#tablePieces && Buffer.concat(this.#tablePieces);
  }

  /** Takes the next item; its bytes are wanted. */
  add(valueOffset: number, length: number): void {
    this.count += 1;
    this.#seen = 0;
    if (this.count === 0) {
      if (length <= MAX_OFFSET_TABLE) this.#tablePieces = [];
    } else if (this.fragments.length < this.#maxFragments) this.fragments.push([valueOffset, length]);
    else this.isOverfull = true;
  }

  /** Takes bytes of the item added last. */
  onPiece(piece: Buffer): void {
    if (this.count === 0) {
      this.#tablePieces?.push(Buffer.from(piece));
      return;
    }
    for (const byte of piece.subarray(0, START_LENGTH - this.#seen)) {
      this.#firstBytes = ((this.#firstBytes << 8) | byte) >>> 0;
      this.#seen += 1;
      if (this.#seen === START_LENGTH && isStart(this.#firstBytes) && !this.isOverfull) this.starts.push(this.fragments.length - 1);
    }
  }
}

function isStart(firstBytes: number): boolean {
  return firstBytes === BOX_START || STARTS.includes(firstBytes >>> 16);
}
