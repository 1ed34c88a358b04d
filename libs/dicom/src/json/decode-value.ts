import type { DicomJsonElement, DicomJsonPersonName, DicomJsonValue } from '@cairn/core';
import { readTag } from '../scanner/element-bytes.ts';
import { tagText } from '../tables/dictionary.ts';
import { vrRule } from '../tables/vr.ts';
import type { VrKind, VrRule } from '../tables/vr.ts';
import { decodeText } from '../text/decode-text.ts';

/** What the data set around a value says about it. */
export interface ValueContext {
  bigEndian: boolean;
  /** Values of Specific Character Set (0008,0005). */
  charsets: readonly string[];
}

const INTEGER = /^[+-]?\d+$/;
const SPACE = 0x20;

/** Turns an element's bytes into DICOM JSON (PS3.18 §F.2). Values that break their VR's rules stay text; nothing throws. */
export function decodeElement(vr: string, value: Buffer, context: ValueContext): DicomJsonElement {
  if (value.length === 0) return { vr };
  const rule = vrRule(vr);
  return DECODERS[rule.kind](rule, value, context);
}

type Decoder = (rule: VrRule, value: Buffer, context: ValueContext) => DicomJsonElement;

const DECODERS: Readonly<Record<VrKind, Decoder>> = {
  text: texts((part) => part.trimEnd() || null),
  code: texts((part) => part.trim() || null),
  uid: texts((part) => part.trim() || null),
  decimal: texts((part) => decimalOf(part.trim())),
  integer: texts((part) => integerOf(part.trim())),
  personName: texts(decodePersonName),
  longText: (rule, value, context) => withValues(rule, [decodeText(withoutPadding(value), context.charsets, rule.vr) || null]),
  number: (rule, value, context) => withValues(rule, decodeNumbers(rule, value, context.bigEndian)),
  tag: (rule, value, context) => withValues(rule, decodeTags(value, context.bigEndian)),
  bytes: decodeBytes,
  sequence: decodeBytes,
};

function decodeBytes(rule: VrRule, value: Buffer, context: ValueContext): DicomJsonElement {
  return { vr: rule.vr, InlineBinary: swapped(value, context.bigEndian ? rule.wordSize : 1).toString('base64') };
}

/** A decoder of text with a backslash between values. */
function texts(read: (part: string) => DicomJsonValue): Decoder {
  return (rule, value, context) => {
    const text = decodeText(withoutPadding(value), context.charsets, rule.vr);
    return withValues(rule, text.includes('\\') ? text.split('\\').map(read) : [read(text)]);
  };
}

/** A copy with the bytes of each word reversed; the bytes themselves for words of one byte. */
export function swapped(value: Buffer, wordSize: number): Buffer {
  if (wordSize === 1) return value;
  const copy = Buffer.from(value);
  swapWords(copy, wordSize);
  return copy;
}

/** Reverses the bytes of each whole word in place. */
export function swapWords(bytes: Buffer, wordSize: number): void {
  const whole = bytes.subarray(0, bytes.length - (bytes.length % wordSize));
  if (wordSize === 2) whole.swap16();
  else if (wordSize === 4) whole.swap32();
  else if (wordSize === 8) whole.swap64();
}

function withValues({ vr }: VrRule, values: readonly DicomJsonValue[]): DicomJsonElement {
  return values.length === 0 || (values.length === 1 && values[0] === null) ? { vr } : { vr, Value: values };
}

/** A number only where it reads back as the same text, so that no precision is lost. */
function decimalOf(text: string): DicomJsonValue {
  if (text === '') return null;
  const number = Number(text);
  return Number.isFinite(number) && String(number) === text ? number : text;
}

function integerOf(text: string): DicomJsonValue {
  if (text === '') return null;
  const number = Number(text);
  return INTEGER.test(text) && Number.isSafeInteger(number) ? number : text;
}

function decodePersonName(text: string): DicomJsonPersonName | null {
  const [alphabetic = '', ideographic = '', phonetic = ''] = text.split('=').map(withoutEmptyComponents);
  if (alphabetic + ideographic + phonetic === '') return null;
  return {
    ...(alphabetic !== '' && { Alphabetic: alphabetic }),
    ...(ideographic !== '' && { Ideographic: ideographic }),
    ...(phonetic !== '' && { Phonetic: phonetic }),
  };
}

/** A group of nothing but delimiters is an empty one (PS3.5 §6.2.1.1). */
function withoutEmptyComponents(group: string): string {
  return /^[\^ ]*$/.test(group) ? '' : group.trimEnd();
}

function decodeTags(value: Buffer, bigEndian: boolean): string[] {
  return Array.from({ length: Math.floor(value.length / 4) }, (_, index) => tagText(readTag(value, index * 4, bigEndian)));
}

function decodeNumbers(rule: VrRule, value: Buffer, bigEndian: boolean): DicomJsonValue[] {
  const read = NUMBER_READERS[rule.vr]!;
  const bytes = bigEndian ? swapped(value, rule.wordSize) : value;
  const numbers: DicomJsonValue[] = [];
  for (let at = 0; at + rule.wordSize <= bytes.length; at += rule.wordSize) numbers.push(read(bytes, at));
  return numbers;
}

const NUMBER_READERS: Readonly<Record<string, (bytes: Buffer, at: number) => number | string>> = {
  US: (bytes, at) => bytes.readUInt16LE(at),
  SS: (bytes, at) => bytes.readInt16LE(at),
  UL: (bytes, at) => bytes.readUInt32LE(at),
  SL: (bytes, at) => bytes.readInt32LE(at),
  UV: (bytes, at) => safeNumber(bytes.readBigUInt64LE(at)),
  SV: (bytes, at) => safeNumber(bytes.readBigInt64LE(at)),
  FL: (bytes, at) => finiteNumber(bytes.readFloatLE(at)),
  FD: (bytes, at) => finiteNumber(bytes.readDoubleLE(at)),
};

/** 64-bit integers beyond 2^53 are text in JSON (PS3.18 §F.2.3 note). */
function safeNumber(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** JSON has no NaN and infinities: they are text. */
function finiteNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

/** The value without trailing spaces and NULs, which only make the length even (PS3.5 §6.2). */
function withoutPadding(value: Buffer): Buffer {
  let end = value.length;
  while (end > 0 && (value[end - 1] === SPACE || value[end - 1] === 0)) end -= 1;
  return end === value.length ? value : value.subarray(0, end);
}
