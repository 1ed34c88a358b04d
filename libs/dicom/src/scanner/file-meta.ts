import { CairnError } from '@cairn/core';
import type { DicomJson, DicomJsonElement } from '@cairn/core';
import { decodeElement } from '../json/decode-value.ts';
import { tagText } from '../tables/dictionary.ts';
import { vrRuleOfCode } from '../tables/vr.ts';
import { readTag } from './element-bytes.ts';

/** What stands before the data set of a Part 10 file (PS3.10 §7.1). */
export interface FileMeta {
  meta: DicomJson;
  dataSetOffset: number;
  hasPreamble: boolean;
  warnings: string[];
}

/** `need`: tell again when that many bytes are there. `bare`: there is no meta information. */
export type FileMetaOutcome = { kind: 'need'; bytes: number } | { kind: 'bare' } | ({ kind: 'meta' } & FileMeta);

const PREAMBLE = 128;
const PREFIX = PREAMBLE + 4;
/** Preamble, prefix and the group number of the first element. */
const DETECT = PREFIX + 2;
const META_GROUP = 0x0002;
const GROUP_LENGTH = 0x00020000;
const HEADER = 8;
const LONG_HEADER = 12;
/** Short values of meta information are described; longer private ones are not. */
const MAX_INLINE = 1024;

/**
 * Reads preamble and meta information from the first bytes of a stream. The group length is not believed: the elements of group
 * 0002 are walked. Throws `dicom.invalid-meta`, and `dicom.truncated` when `isEnd` and they are cut off.
 *
 * @param isEnd - no more bytes will come
 */
export function readFileMeta(bytes: Buffer, isEnd: boolean): FileMetaOutcome {
  if (bytes.length < DETECT && !isEnd) return { kind: 'need', bytes: DETECT };
  const hasPreamble =
    bytes.length >= DETECT && bytes.toString('latin1', PREAMBLE, PREFIX) === 'DICM' && bytes.readUInt16LE(PREFIX) === META_GROUP;
  const start = hasPreamble ? PREFIX : 0;
  if (!hasPreamble && !startsWithMeta(bytes)) return { kind: 'bare' };
  const walk = walkMeta(bytes, start, isEnd);
  return typeof walk === 'number' ? { kind: 'need', bytes: walk } : { kind: 'meta', hasPreamble, ...walk };
}

/** Meta information without preamble starts with its group length or version. */
function startsWithMeta(bytes: Buffer): boolean {
  return bytes.length >= HEADER && bytes.readUInt16LE(0) === META_GROUP && vrRuleOfCode((bytes[4]! << 8) | bytes[5]!) !== undefined;
}

/** Walks the elements of group 0002; gives how many bytes it needs when they end too early. */
function walkMeta(bytes: Buffer, start: number, isEnd: boolean): number | Omit<FileMeta, 'hasPreamble'> {
  const meta: Record<string, DicomJsonElement> = {};
  let at = start;
  let announcedEnd: number | undefined;
  while (true) {
    if (bytes.length < at + HEADER) {
      if (isEnd && bytes.length === at) break;
      return needOrTruncated(at + HEADER, isEnd);
    }
    if (bytes.readUInt16LE(at) !== META_GROUP) break;
    const element = readMetaHeader(bytes, at);
    const end = element.valueAt + element.length;
    if (bytes.length < end) return needOrTruncated(end, isEnd);
    if (element.tag === GROUP_LENGTH && element.length === 4) announcedEnd = end + bytes.readUInt32LE(element.valueAt);
    else if (element.length <= MAX_INLINE) {
      const value = bytes.subarray(element.valueAt, end);
      meta[tagText(element.tag)] = decodeElement(element.vr, value, { bigEndian: false, charsets: [] });
    }
    at = end;
  }
  return { meta, dataSetOffset: at, warnings: groupLengthWarnings(announcedEnd, at) };
}

function groupLengthWarnings(announcedEnd: number | undefined, end: number): string[] {
  if (announcedEnd === undefined) return ['meta information without group length'];
  return announcedEnd === end ? [] : ['wrong group length of the meta information'];
}

function readMetaHeader(bytes: Buffer, at: number): { tag: number; vr: string; length: number; valueAt: number } {
  const rule = vrRuleOfCode((bytes[at + 4]! << 8) | bytes[at + 5]!);
  if (!rule) throw invalidMeta('An element of the meta information has no value representation.');
  const tag = readTag(bytes, at, false);
  if (!rule.longLength) return { tag, vr: rule.vr, length: bytes.readUInt16LE(at + 6), valueAt: at + HEADER };
  // The 32-bit length may not have arrived: then the element is as long as its header, and is read again.
  const length = bytes.length < at + LONG_HEADER ? 0 : bytes.readUInt32LE(at + HEADER);
  if (length === 0xffffffff) throw invalidMeta('An element of the meta information has undefined length.');
  return { tag, vr: rule.vr, length, valueAt: at + LONG_HEADER };
}

function needOrTruncated(bytes: number, isEnd: boolean): number {
  if (isEnd) throw new CairnError('dicom.truncated', 'The data ends inside the file meta information.');
  return bytes;
}

function invalidMeta(message: string): CairnError {
  return new CairnError('dicom.invalid-meta', message);
}
