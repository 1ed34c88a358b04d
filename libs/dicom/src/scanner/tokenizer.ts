import { CairnError } from '@cairn/core';
import { vrOfNumber } from '../tables/dictionary.ts';
import { vrRuleOfCode } from '../tables/vr.ts';
import { ChunkReader } from './chunk-reader.ts';
import { UNDEFINED_LENGTH } from './element.ts';
import type { DataSetHandler, ElementHeader, Encoding, ValueTreatment } from './element.ts';
import { invalid, isUpperCase, readTag, truncated } from './element-bytes.ts';
import { looksExplicit } from './sniff.ts';

/** Warning when encapsulated pixel data ends with the stream. */
export const DELIMITER_MISSING = 'sequence delimiter missing after pixel data';

/** Settings of a {@link DataSetTokenizer}. */
export interface TokenizerOptions {
  encoding: Encoding;
  /** Let the first element tell whether VRs are explicit; little endian only. Default false. */
  sniff?: boolean;
  /** Position of the data set's first byte. */
  offset: number;
  /** Sequences within sequences; `dicom.limit-exceeded` beyond. */
  maxDepth: number;
  /** The largest value that is given in one piece, in bytes. */
  maxCollect: number;
  /** Enter values of VR UN and known length that read as a sequence. */
  enterUnknown: boolean;
}

interface Level {
  kind: 'dataSet' | 'sequence' | 'fragments';
  /** Exact end, or -1 when a delimiter ends it. */
  end: number;
  /** Where the nearest container of known length ends: nothing may go beyond. */
  limit: number;
  encoding: Encoding;
  /** The coding of the items is told by their first element. */
  sniff: boolean;
  /** Set on a sequence that may prove to be opaque bytes: where its value lies. */
  guess?: { valueOffset: number; length: number };
}

const IMPLICIT: Encoding = { explicit: false, bigEndian: false };
const EXPLICIT: Encoding = { explicit: true, bigEndian: false };

const ITEM = 0xfffee000;
const ITEM_DELIMITER = 0xfffee00d;
const SEQUENCE_DELIMITER = 0xfffee0dd;
const PIXEL_DATA = 0x7fe00010;
const HEADER = 8;
const LONG_HEADER = 12;

/**
 * Cuts a data set (PS3.5 §7) that comes in chunks of any size into elements, items and fragments. Holds at most one short value;
 * lengths are only counted down, never allocated. Throws `dicom.invalid-structure`, `dicom.limit-exceeded` and, at the end,
 * `dicom.truncated`.
 */
export class DataSetTokenizer {
  readonly #handler: DataSetHandler;
  readonly #options: TokenizerOptions;
  readonly #reader: ChunkReader;
  readonly #levels: Level[];
  readonly #header: ElementHeader;
  #level: Level;
  #guesses = 0;
  #treatment: ValueTreatment = 'skip';
  /** Bytes of the current value or fragment that are still to come; -1 between values. */
  #remaining = -1;
  /** What the next step reads. */
  #state: 'structure' | 'unknown' | 'padding' = 'structure';

  constructor(handler: DataSetHandler, options: TokenizerOptions) {
    this.#handler = handler;
    this.#options = options;
    this.#reader = new ChunkReader(options.offset, Math.max(options.maxCollect, LONG_HEADER));
    this.#level = { kind: 'dataSet', end: -1, limit: Infinity, encoding: options.encoding, sniff: options.sniff ?? false };
    this.#levels = [this.#level];
    this.#header = { tag: 0, vr: 'UN', length: 0, valueOffset: options.offset, encoding: options.encoding };
  }

  /** Reads all that the chunk completes. The chunk is not kept. */
  push(chunk: Uint8Array): void {
    this.#reader.feed(chunk);
    while (this.#step());
    this.#reader.release();
  }

  /** Call after the last chunk. */
  end(): void {
    if (this.#state === 'padding') return;
    const { pending, offset } = this.#reader;
    if (this.#remaining > 0 || this.#state === 'unknown') throw truncated(offset);
    if (pending > 0 && !(this.#levels.length === 1 && this.#pendingIsZero(pending))) throw truncated(offset);
    if (pending > 0) this.#handler.onWarning('trailing padding');
    if (this.#level.kind === 'fragments' && this.#levels.length === 2) {
      this.#handler.onWarning(DELIMITER_MISSING);
      this.#close();
    }
    if (this.#levels.length > 1) throw truncated(offset);
  }

  #pendingIsZero(pending: number): boolean {
    this.#reader.peek(pending);
    return this.#reader.take(pending).every((byte) => byte === 0);
  }

  #step(): boolean {
    if (this.#remaining >= 0) return this.#readValue();
    if (this.#state === 'padding') return this.#readPadding();
    if (this.#state === 'unknown') return this.#readUnknown();
    if (this.#guesses === 0) return this.#readStructure();
    try {
      return this.#readStructure();
    } catch (error) {
      if (!CairnError.is(error, 'dicom.invalid-structure')) throw error;
      return this.#abandonGuess();
    }
  }

  #readStructure(): boolean {
    const level = this.#level;
    const reader = this.#reader;
    if (level.end >= 0 && reader.offset >= level.end) return this.#close();
    if (reader.offset + HEADER > level.limit) throw invalid('a delimiter is missing', reader.offset);
    if (!reader.peek(HEADER)) return false;
    if (level.kind === 'dataSet') return this.#readElement(level);
    const tag = readTag(reader.bytes, reader.at, level.encoding.bigEndian);
    if (tag === ITEM) return this.#readItem(level);
    if (tag !== SEQUENCE_DELIMITER) throw invalid('something other than an item stands in a sequence', reader.offset);
    if (level.end >= 0) this.#handler.onWarning('delimiter in a sequence of known length');
    else this.#close();
    reader.consume(HEADER);
    return true;
  }

  #readElement(level: Level): boolean {
    const { bytes, at } = this.#reader;
    const header = this.#header;
    if (level.sniff) {
      level.encoding = looksExplicit(bytes, at) ? EXPLICIT : IMPLICIT;
      level.sniff = false;
    }
    header.encoding = level.encoding;
    header.tag = readTag(bytes, at, level.encoding.bigEndian);
    if (header.tag >>> 16 === 0xfffe) return this.#readDelimiter(level, header.tag);
    if (header.tag === 0 && this.#levels.length === 1 && bytes.readUInt32LE(at + 4) === 0) return this.#startPadding();
    const headerLength = level.encoding.explicit ? this.#explicitHeader(header) : this.#implicitHeader(header);
    return headerLength > 0 && this.#enterElement(level, header, headerLength);
  }

  #enterElement(level: Level, header: ElementHeader, headerLength: number): boolean {
    const isUndefined = header.length === UNDEFINED_LENGTH;
    header.valueOffset = this.#reader.offset + headerLength;
    if (header.valueOffset + (isUndefined ? 0 : header.length) > level.limit) {
      throw invalid('an element is longer than what holds it', this.#reader.offset);
    }
    this.#reader.consume(headerLength);
    if (isUndefined) return this.#enterUndefined(level, header);
    if (header.length % 2 === 1) this.#handler.onWarning('odd value length');
    if (header.vr === 'SQ') return this.#enterSequence(header, level.encoding, false);
    if (header.vr === 'UN' && header.length >= HEADER && this.#options.enterUnknown) this.#state = 'unknown';
    else this.#startValue(this.#handler.onElement(header), header.length);
    return true;
  }

  #implicitHeader(header: ElementHeader): number {
    const { bytes, at } = this.#reader;
    header.vr = vrOfNumber(header.tag);
    header.length = bytes.readUInt32LE(at + 4);
    return HEADER;
  }

  /** Reads VR and length; 0 when more bytes are needed. */
  #explicitHeader(header: ElementHeader): number {
    const { bytes, at } = this.#reader;
    const { bigEndian } = header.encoding;
    const rule = vrRuleOfCode((bytes[at + 4]! << 8) | bytes[at + 5]!);
    if (rule?.longLength || (!rule && this.#isNewVr(bytes, at))) {
      if (!this.#reader.peek(LONG_HEADER)) return 0;
      header.vr = rule?.vr ?? 'UN';
      header.length = bigEndian
        ? this.#reader.bytes.readUInt32BE(this.#reader.at + 8)
        : this.#reader.bytes.readUInt32LE(this.#reader.at + 8);
      return LONG_HEADER;
    }
    if (!rule) return this.#headerWithoutVr(header);
    header.vr = rule.vr;
    header.length = bigEndian ? bytes.readUInt16BE(at + 6) : bytes.readUInt16LE(at + 6);
    return HEADER;
  }

  /** A VR that this version of the standard does not know has a 32-bit length (PS3.5 §6.2 note 2). */
  #isNewVr(bytes: Buffer, at: number): boolean {
    const isNew = isUpperCase(bytes[at + 4]!) && isUpperCase(bytes[at + 5]!) && bytes[at + 6] === 0 && bytes[at + 7] === 0;
    if (isNew) this.#handler.onWarning('unknown value representation');
    return isNew;
  }

  /** Some writers leave single elements implicit in an explicit data set. */
  #headerWithoutVr(header: ElementHeader): number {
    if (header.encoding.bigEndian) throw invalid('an element has no value representation', this.#reader.offset);
    this.#handler.onWarning('element without value representation');
    return this.#implicitHeader(header);
  }

  #enterUndefined(level: Level, header: ElementHeader): boolean {
    const { tag, vr } = header;
    if (tag === PIXEL_DATA || vr === 'OB' || vr === 'OW') {
      this.#handler.onFragments(header);
      this.#open({ kind: 'fragments', end: -1, limit: level.limit, encoding: level.encoding, sniff: false });
      return true;
    }
    if (vr === 'SQ') return this.#enterSequence(header, level.encoding, false);
    if (vr !== 'UN') throw invalid('a value that is no sequence has undefined length', this.#reader.offset);
    return this.#enterSequence(header, IMPLICIT, true);
  }

  #enterSequence(header: ElementHeader, encoding: Encoding, sniff: boolean): boolean {
    const end = header.length === UNDEFINED_LENGTH ? -1 : header.valueOffset + header.length;
    this.#handler.onSequence(header);
    this.#open({ kind: 'sequence', end, limit: end < 0 ? this.#level.limit : end, encoding, sniff });
    return true;
  }

  #readItem(level: Level): boolean {
    const { bytes, at } = this.#reader;
    const length = level.encoding.bigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4);
    this.#reader.consume(HEADER);
    const { offset } = this.#reader;
    const end = length === UNDEFINED_LENGTH ? -1 : offset + length;
    if (end > level.limit) throw invalid('an item is longer than its sequence', offset);
    if (level.kind === 'fragments') {
      if (end < 0) throw invalid('a fragment has undefined length', offset);
      this.#startValue(this.#handler.onFragment(offset, length), length);
      return true;
    }
    this.#handler.onItem();
    this.#open({ kind: 'dataSet', end, limit: end < 0 ? level.limit : end, encoding: level.encoding, sniff: level.sniff });
    return true;
  }

  /** An item or delimiter tag where an element was expected. */
  #readDelimiter(level: Level, tag: number): boolean {
    if (this.#levels.length === 1) throw invalid('a delimiter stands outside of any sequence', this.#reader.offset);
    if (tag === ITEM_DELIMITER) {
      if (level.end < 0) this.#close();
      else this.#handler.onWarning('delimiter in an item of known length');
      this.#reader.consume(HEADER);
      return true;
    }
    if (level.end >= 0) throw invalid('a delimiter stands inside an item', this.#reader.offset);
    this.#handler.onWarning('item delimiter missing');
    return this.#close();
  }

  #startPadding(): boolean {
    this.#handler.onWarning('trailing padding');
    this.#state = 'padding';
    return true;
  }

  #readPadding(): boolean {
    const piece = this.#reader.take(Infinity);
    if (piece.some((byte) => byte !== 0)) throw invalid('bytes that are no element follow the data set', this.#reader.offset);
    return piece.length > 0;
  }

  /** A value of VR UN: a sequence when it starts with an item and, if it is short, reads as one to its end. */
  #readUnknown(): boolean {
    const { length, valueOffset } = this.#header;
    const isShort = length <= this.#options.maxCollect;
    if (!this.#reader.peek(isShort ? length : HEADER)) return false;
    this.#state = 'structure';
    const { bytes, at } = this.#reader;
    const startsWithItem = readTag(bytes, at, false) === ITEM;
    if (startsWithItem && (!isShort || readsAsSequence(bytes.subarray(at, at + length), this.#options.maxDepth))) {
      this.#enterSequence(this.#header, IMPLICIT, true);
      this.#level.guess = { valueOffset, length };
      this.#guesses += 1;
    } else this.#startValue(this.#handler.onElement(this.#header), length);
    return true;
  }

  #abandonGuess(): boolean {
    let level = this.#level;
    while (level.guess === undefined) {
      this.#levels.pop();
      level = this.#levels.at(-1)!;
    }
    const { valueOffset, length } = level.guess;
    this.#levels.pop();
    this.#level = this.#levels.at(-1)!;
    this.#guesses -= 1;
    this.#handler.onSequenceAbandoned((this.#levels.length - 1) / 2, valueOffset, length);
    this.#startValue('skip', valueOffset + length - this.#reader.offset);
    return true;
  }

  #startValue(treatment: ValueTreatment, length: number): void {
    this.#treatment = treatment;
    this.#remaining = length;
  }

  #readValue(): boolean {
    const reader = this.#reader;
    if (this.#remaining > 0 && this.#treatment === 'collect') {
      if (!reader.peek(this.#remaining)) return false;
      this.#handler.onValue(this.#header, reader.bytes.subarray(reader.at, reader.at + this.#remaining));
      reader.consume(this.#remaining);
      this.#remaining = 0;
    } else if (this.#treatment === 'stream') {
      while (this.#remaining > 0) {
        const piece = reader.take(this.#remaining);
        if (piece.length === 0) return false;
        this.#remaining -= piece.length;
        this.#handler.onPiece(piece);
      }
    } else this.#remaining -= reader.skip(this.#remaining);
    if (this.#remaining > 0) return false;
    this.#remaining = -1;
    this.#handler.onValueEnd();
    return true;
  }

  #open(level: Level): void {
    if (this.#levels.length >= 2 * this.#options.maxDepth + 1 && level.kind !== 'dataSet') {
      throw new CairnError('dicom.limit-exceeded', `Sequences are nested deeper than ${this.#options.maxDepth}.`);
    }
    this.#levels.push(level);
    this.#level = level;
  }

  #close(): boolean {
    const closed = this.#levels.pop()!;
    this.#level = this.#levels.at(-1)!;
    if (closed.guess) this.#guesses -= 1;
    if (closed.kind === 'dataSet') this.#handler.onItemEnd();
    else if (closed.kind === 'sequence') this.#handler.onSequenceEnd(this.#reader.offset);
    else this.#handler.onFragmentsEnd(this.#reader.offset);
    return true;
  }
}

/** Reads a value of VR UN on trial: as the items of a UN element of undefined length (PS3.5 §6.2.2 note 5). */
function readsAsSequence(value: Buffer, maxDepth: number): boolean {
  const wrapped = Buffer.concat([UNKNOWN_OF_UNDEFINED_LENGTH, value, DELIMITER]);
  const tokenizer = new DataSetTokenizer(DEAF, { encoding: EXPLICIT, offset: 0, maxDepth, maxCollect: 0, enterUnknown: false });
  try {
    tokenizer.push(wrapped);
    tokenizer.end();
    return true;
  } catch (error) {
    if (!CairnError.is(error)) throw error;
    return false;
  }
}

/** (0009,1000) UN, length undefined. */
const UNKNOWN_OF_UNDEFINED_LENGTH = Buffer.from('09000010554e0000ffffffff', 'hex');
/** (FFFE,E0DD), length 0. */
const DELIMITER = Buffer.from('feffdde000000000', 'hex');

/** A handler that takes no notice. */
const DEAF: DataSetHandler = {
  onElement: () => 'skip',
  onValue() {},
  onPiece() {},
  onValueEnd() {},
  onSequence() {},
  onItem() {},
  onItemEnd() {},
  onSequenceEnd() {},
  onFragments() {},
  onFragment: () => 'skip',
  onFragmentsEnd() {},
  onSequenceAbandoned() {},
  onWarning() {},
};
