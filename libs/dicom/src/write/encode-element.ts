import { CairnError } from '@cairn/core';
import type { DicomJson, DicomJsonElement, DicomJsonPersonName, DicomJsonValue } from '@cairn/core';
import { swapped } from '../json/decode-value.ts';
import type { Encoding } from '../scanner/element.ts';
import { vrRule } from '../tables/vr.ts';
import type { VrRule } from '../tables/vr.ts';
import { encodeText } from '../text/encode-text.ts';

/** How elements are written. */
export interface WriteContext {
  encoding: Encoding;
  /** Values of (0008,0005) that texts are written in. */
  charsets: readonly string[];
  /** What a text becomes that the character sets cannot hold. */
  onUnencodable(text: string): Buffer;
}

/** Tags of items and delimiters (PS3.5 §7.5). */
export const ITEM = 0xfffee000;
export const ITEM_DELIMITER = 0xfffee00d;
export const SEQUENCE_DELIMITER = 0xfffee0dd;

const MAX_SHORT_LENGTH = 0xffff;

/** An element with its header. Sequences get explicit lengths. Throws `dicom.transcode-unsupported` for a value by BulkDataURI. */
export function encodeElement(tag: number, element: DicomJsonElement, context: WriteContext): Buffer {
  const value = encodeValue(element, context);
  return Buffer.concat([elementHeader(tag, element.vr, value.length, context.encoding), value]);
}

/** The elements of a data set or item in ascending order of tags, group lengths left out. */
export function encodeItem(item: DicomJson, context: WriteContext): Buffer {
  const tags = Object.keys(item).filter((tag) => !tag.endsWith('0000'));
  return Buffer.concat(tags.sort().map((tag) => encodeElement(Number.parseInt(tag, 16), item[tag]!, context)));
}

/** Tag, VR and length (PS3.5 §7.1). A value too long for its VR's 16-bit length is written as UN (PS3.5 §6.2.2 note 1). */
export function elementHeader(tag: number, vr: string, length: number, encoding: Encoding): Buffer {
  if (!encoding.explicit) return tagAndLength(tag, length, encoding);
  const rule = vrRule(vr);
  const isLong = rule.longLength || length > MAX_SHORT_LENGTH;
  const header = Buffer.alloc(isLong ? 12 : 8);
  writeTag(header, tag, encoding.bigEndian);
  header.write(rule.longLength === isLong ? vr : 'UN', 4, 'latin1');
  if (isLong) writeUInt32(header, length, 8, encoding.bigEndian);
  else if (encoding.bigEndian) header.writeUInt16BE(length, 6);
  else header.writeUInt16LE(length, 6);
  return header;
}

/** The header of an item or delimiter, which has no VR (PS3.5 §7.5). */
export function tagAndLength(tag: number, length: number, encoding: Encoding): Buffer {
  const header = Buffer.alloc(8);
  writeTag(header, tag, encoding.bigEndian);
  writeUInt32(header, length, 4, encoding.bigEndian);
  return header;
}

function writeTag(header: Buffer, tag: number, bigEndian: boolean): void {
  if (bigEndian) header.writeUInt32BE(tag);
  else {
    header.writeUInt16LE(tag >>> 16, 0);
    header.writeUInt16LE(tag & 0xffff, 2);
  }
}

function writeUInt32(header: Buffer, value: number, at: number, bigEndian: boolean): void {
  if (bigEndian) header.writeUInt32BE(value >>> 0, at);
  else header.writeUInt32LE(value >>> 0, at);
}

function encodeValue(element: DicomJsonElement, context: WriteContext): Buffer {
  const rule = vrRule(element.vr);
  if (element.BulkDataURI !== undefined) throw new CairnError('dicom.transcode-unsupported', 'A value is not at hand.');
  if (rule.kind === 'sequence') return encodeItems((element.Value ?? []) as readonly DicomJson[], context);
  if (element.InlineBinary !== undefined) {
    const bytes = Buffer.from(element.InlineBinary, 'base64');
    return evened(context.encoding.bigEndian ? swapped(bytes, rule.wordSize) : bytes, rule);
  }
  const values = element.Value ?? [];
  if (rule.kind === 'number') return encodeNumbers(rule, values, context.encoding.bigEndian);
  if (rule.kind === 'tag') return Buffer.concat(values.map((tag) => encodeTag(textOf(tag), context.encoding.bigEndian)));
  const text = values.map(textOf).join('\\');
  return evened(encodeText(text, context.charsets) ?? context.onUnencodable(text), rule);
}

function encodeItems(items: readonly DicomJson[], context: WriteContext): Buffer {
  const parts = items.flatMap((item) => {
    const content = encodeItem(item, context);
    return [tagAndLength(ITEM, content.length, context.encoding), content];
  });
  return Buffer.concat(parts);
}

function encodeTag(tag: string, bigEndian: boolean): Buffer {
  const value = Buffer.alloc(4);
  writeTag(value, Number.parseInt(tag, 16), bigEndian);
  return value;
}

function encodeNumbers(rule: VrRule, values: readonly DicomJsonValue[], bigEndian: boolean): Buffer {
  const write = NUMBER_WRITERS[rule.vr]!;
  const bytes = Buffer.alloc(values.length * rule.wordSize);
  values.forEach((value, index) => write(bytes, value as number | string, index * rule.wordSize));
  return bigEndian ? swapped(bytes, rule.wordSize) : bytes;
}

type NumberWriter = (bytes: Buffer, value: number | string, at: number) => void;

const NUMBER_WRITERS: Readonly<Record<string, NumberWriter>> = {
  US: (bytes, value, at) => bytes.writeUInt16LE(Number(value) & 0xffff, at),
  SS: (bytes, value, at) => bytes.writeUInt16LE(Number(value) & 0xffff, at),
  UL: (bytes, value, at) => bytes.writeUInt32LE(Number(value) >>> 0, at),
  SL: (bytes, value, at) => bytes.writeUInt32LE(Number(value) >>> 0, at),
  UV: (bytes, value, at) => bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), at),
  SV: (bytes, value, at) => bytes.writeBigInt64LE(BigInt.asIntN(64, BigInt(value)), at),
  FL: (bytes, value, at) => bytes.writeFloatLE(Number(value), at),
  FD: (bytes, value, at) => bytes.writeDoubleLE(Number(value), at),
};

function textOf(value: DicomJsonValue): string {
  if (value === null) return '';
  if (typeof value !== 'object') return String(value);
  const { Alphabetic = '', Ideographic = '', Phonetic = '' } = value as DicomJsonPersonName;
  return [Alphabetic, Ideographic, Phonetic].join('=').replace(/=+$/, '');
}

function evened(value: Buffer, rule: VrRule): Buffer {
  return value.length % 2 === 0 ? value : Buffer.concat([value, Buffer.of(rule.padding)]);
}
