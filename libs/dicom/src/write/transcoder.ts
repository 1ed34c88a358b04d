import { CairnError } from '@cairn/core';
import { swapWords } from '../json/decode-value.ts';
import { UNDEFINED_LENGTH } from '../scanner/element.ts';
import type { DataSetHandler, ElementHeader, Encoding, ValueTreatment } from '../scanner/element.ts';
import { resolveAmbiguous } from '../scanner/resolve-vr.ts';
import type { VrContext } from '../scanner/resolve-vr.ts';
import { vrRule } from '../tables/vr.ts';
import { ITEM, ITEM_DELIMITER, SEQUENCE_DELIMITER, elementHeader, encodeElement, tagAndLength } from './encode-element.ts';
import type { OverlayWriter } from './overlay.ts';

const CHARACTER_SET = 0x00080005;
const BITS_ALLOCATED = 0x00280100;
const PIXEL_REPRESENTATION = 0x00280103;
const META_GROUP = 0x0002;

/** A piece of this many bytes is handed on without copying it: more than the tokenizer ever keeps in its own buffer. */
const LONG_PIECE = 4096;

/** The longest value that re-encoding asks for in one piece. */
export const TRANSCODE_COLLECT_BYTES = 1024;

/**
 * Writes the elements of a data set anew while they stream by. Sequences and items get undefined lengths, so that nothing waits
 * for its end; values are swapped by words where the byte order changes.
 */
export class Transcoder implements DataSetHandler {
  readonly #encoding: Encoding;
  readonly #overlay: OverlayWriter;
  readonly #contexts: VrContext[] = [{ pixelRepresentation: 0, bitsAllocated: 16 }];
  #out: Buffer[] = [];
  /** Sequences that are open, the one left out included. */
  #depth = 0;
  /** A top-level sequence or pixel data that the overlay replaces. */
  #isDropping = false;
  #wordSize = 1;
  /** Bytes of a word of which the rest has not come. */
  #rest: Buffer = Buffer.alloc(0);
  /** The byte to be written after a value of odd length. */
  #padding: number | undefined;

  constructor(encoding: Encoding, overlay: OverlayWriter) {
    this.#encoding = encoding;
    this.#overlay = overlay;
  }

  /** What has been written since the last call; long pieces are views of the source's chunks. */
  drain(): Buffer[] {
    const parts = this.#out;
    this.#out = [];
    return joinShort(parts);
  }

  /** Call after the source's last element. */
  end(): void {
    this.#out.push(...this.#overlay.upTo(0xffffffff));
  }

  onElement(header: ElementHeader): ValueTreatment {
    const { tag, length } = header;
    if (this.#isDropping || tag >>> 16 === META_GROUP || (tag & 0xffff) === 0) return 'skip';
    if (this.#depth === 0) {
      if (tag === CHARACTER_SET && length <= TRANSCODE_COLLECT_BYTES) return this.#startCharacterSet(length);
      if (this.#isReplaced(tag)) return 'skip';
    }
    this.#startElement(header);
    return (tag === BITS_ALLOCATED || tag === PIXEL_REPRESENTATION) && length <= TRANSCODE_COLLECT_BYTES ? 'collect' : 'stream';
  }

  onValue(header: ElementHeader, value: Buffer): void {
    if (header.tag === CHARACTER_SET) {
      this.#writeCharacterSet(
        value
          .toString('latin1')
          .split('\\')
          .map((term) => term.trim()),
      );
      return;
    }
    const context = this.#contexts.at(-1)!;
    const number = value.length < 2 ? 0 : readUInt16(value, header.encoding.bigEndian);
    if (header.tag === BITS_ALLOCATED) context.bitsAllocated = number;
    else context.pixelRepresentation = number;
    this.onPiece(value);
  }

  onPiece(piece: Buffer): void {
    if (this.#wordSize === 1) {
      this.#out.push(piece.length < LONG_PIECE ? Buffer.from(piece) : piece);
      return;
    }
    const bytes = Buffer.concat([this.#rest, piece]);
    const whole = bytes.length - (bytes.length % this.#wordSize);
    this.#rest = bytes.subarray(whole);
    swapWords(bytes.subarray(0, whole), this.#wordSize);
    this.#out.push(bytes.subarray(0, whole));
  }

  onValueEnd(): void {
    if (this.#rest.length > 0) this.#out.push(this.#rest);
    if (this.#padding !== undefined) this.#out.push(Buffer.of(this.#padding));
    this.#rest = Buffer.alloc(0);
    this.#padding = undefined;
    this.#wordSize = 1;
  }

  onSequence(header: ElementHeader): void {
    if (this.#depth === 0 && (header.tag >>> 16 === META_GROUP || this.#isReplaced(header.tag))) this.#isDropping = true;
    this.#depth += 1;
    if (!this.#isDropping) this.#out.push(elementHeader(header.tag, 'SQ', UNDEFINED_LENGTH, this.#encoding));
  }

  onItem(): void {
    this.#contexts.push({ ...this.#contexts.at(-1)! });
    if (!this.#isDropping) this.#out.push(tagAndLength(ITEM, UNDEFINED_LENGTH, this.#encoding));
  }

  onItemEnd(): void {
    this.#contexts.pop();
    if (!this.#isDropping) this.#out.push(tagAndLength(ITEM_DELIMITER, 0, this.#encoding));
  }

  onSequenceEnd(): void {
    this.#depth -= 1;
    this.#endContainer();
  }

  onFragments(header: ElementHeader): void {
    if (this.#depth === 0 && this.#isReplaced(header.tag)) this.#isDropping = true;
    const vr = header.vr.length === 2 ? header.vr : 'OB';
    if (!this.#isDropping) this.#out.push(elementHeader(header.tag, vr, UNDEFINED_LENGTH, this.#encoding));
  }

  onFragment(_valueOffset: number, length: number): ValueTreatment {
    if (this.#isDropping) return 'skip';
    this.#out.push(tagAndLength(ITEM, length, this.#encoding));
    return 'stream';
  }

  onFragmentsEnd(): void {
    this.#endContainer();
  }

  onSequenceAbandoned(): void {
    throw new CairnError('internal.unexpected', 'Values of VR UN are not entered when re-encoding.');
  }

  onWarning(): void {}

  #endContainer(): void {
    if (!this.#isDropping) this.#out.push(tagAndLength(SEQUENCE_DELIMITER, 0, this.#encoding));
    else if (this.#depth === 0) this.#isDropping = false;
  }

  /** Writes what the overlay has up to a top-level element, and tells whether it takes the element's place. */
  #isReplaced(tag: number): boolean {
    this.#out.push(...this.#overlay.upTo(tag));
    return this.#overlay.covers(tag);
  }

  #startElement(header: ElementHeader): void {
    const { tag, length } = header;
    const vr = resolveAmbiguous(tag, header.vr, this.#contexts.at(-1)!);
    const rule = vrRule(vr);
    const isOdd = length % 2 === 1;
    this.#padding = isOdd ? rule.padding : undefined;
    this.#wordSize = header.encoding.bigEndian === this.#encoding.bigEndian ? 1 : rule.wordSize;
    this.#out.push(elementHeader(tag, vr, isOdd ? length + 1 : length, this.#encoding));
  }

  #startCharacterSet(length: number): ValueTreatment {
    if (length > 0) return 'collect';
    this.#writeCharacterSet([]);
    return 'skip';
  }

  #writeCharacterSet(terms: readonly string[]): void {
    const element = { vr: 'CS', Value: this.#overlay.useCharacterSet(terms) };
    this.#out.push(
      encodeElement(CHARACTER_SET, element, {
        encoding: this.#encoding,
        charsets: [],
        onUnencodable: (text) => Buffer.from(text, 'latin1'),
      }),
    );
  }
}

function readUInt16(value: Buffer, bigEndian: boolean): number {
  return bigEndian ? value.readUInt16BE() : value.readUInt16LE();
}

/** Joins neighbours, so that headers and short values do not travel alone. */
function joinShort(parts: readonly Buffer[]): Buffer[] {
  const joined: Buffer[] = [];
  let short: Buffer[] = [];
  for (const part of parts) {
    if (part.length < LONG_PIECE) {
      short.push(part);
      continue;
    }
    if (short.length > 0) joined.push(Buffer.concat(short));
    short = [];
    joined.push(part);
  }
  if (short.length > 0) joined.push(Buffer.concat(short));
  return joined;
}
