/** How the elements of a data set are coded. */
export interface Encoding {
  readonly explicit: boolean;
  readonly bigEndian: boolean;
}

/** The length that says "until the delimiter" (PS3.5 §7.1.1). */
export const UNDEFINED_LENGTH = 0xffffffff;

/** An element before its value. The tokenizer reuses the object for the next one. */
export interface ElementHeader {
  tag: number;
  /** Two letters; for implicit VR as the dictionary has it, so also `US or SS` and the like. */
  vr: string;
  /** Bytes of the value, or {@link UNDEFINED_LENGTH}. */
  length: number;
  /** Position of the value in the stream. */
  valueOffset: number;
  encoding: Encoding;
}

/** What the handler wants of a value: whole in one piece, in pieces as they come, or nothing. */
export type ValueTreatment = 'collect' | 'stream' | 'skip';

/** Receives the structure of a data set as it streams by. Offsets count from the first byte of the stream. */
export interface DataSetHandler {
  /** An element that is no sequence. `collect` only for values up to the tokenizer's `maxCollect`. */
  onElement(header: ElementHeader): ValueTreatment;
  /** The value of a collected element or fragment; the bytes are valid during the call only. Not called for an empty value. */
  onValue(header: ElementHeader, value: Buffer): void;
  /** A piece of a streamed value; valid during the call only. */
  onPiece(piece: Buffer): void;
  /** The end of an element's or fragment's value, however it was treated. */
  onValueEnd(): void;
  onSequence(header: ElementHeader): void;
  onItem(): void;
  onItemEnd(): void;
  /** @param endOffset - where the last item ends, before a delimiter */
  onSequenceEnd(endOffset: number): void;
  onFragments(header: ElementHeader): void;
  /** One item of encapsulated pixel data; the first is the basic offset table. */
  onFragment(valueOffset: number, length: number): ValueTreatment;
  onFragmentsEnd(endOffset: number): void;
  /**
   * What `onSequence` had announced holds no items: its value is opaque bytes, skipped from here on.
   * @param openSequences - how many sequences stay open around it
   */
  onSequenceAbandoned(openSequences: number, valueOffset: number, length: number): void;
  /** A deviation that was read over. */
  onWarning(text: string): void;
}
