import { vrOfNumber } from '../tables/dictionary.ts';
import { vrRuleOfCode } from '../tables/vr.ts';
import type { Encoding } from './element.ts';

/** Bytes of an element that {@link sniffEncoding} looks at. */
export const SNIFF_LENGTH = 8;

/** The highest group that a data set is believed to start with: its first element is nearly always in group 0008. */
const MAX_FIRST_GROUP = 0x0020;
/** A first value longer than this is rather a wrong guess. */
const MAX_FIRST_LENGTH = 0x10000;

/** True when the element at `at` has one of the standard's VRs where explicit VR has it (PS3.5 §7.1.2). */
export function looksExplicit(bytes: Buffer, at: number): boolean {
  return vrRuleOfCode((bytes[at + 4]! << 8) | bytes[at + 5]!) !== undefined;
}

/** Guesses the coding of a data set from its first 8 bytes; undefined when they do not look like an element at all. */
export function sniffEncoding(bytes: Buffer): Encoding | undefined {
  if (bytes.length < SNIFF_LENGTH) return undefined;
  const little = bytes.readUInt16LE(0);
  const big = bytes.readUInt16BE(0);
  if (looksExplicit(bytes, 0)) {
    if (little > 0 && little <= MAX_FIRST_GROUP) return { explicit: true, bigEndian: false };
    return big > 0 && big <= MAX_FIRST_GROUP ? { explicit: true, bigEndian: true } : undefined;
  }
  const known = vrOfNumber(((little << 16) | bytes.readUInt16LE(2)) >>> 0) !== 'UN';
  const plausible = little > 0 && little <= MAX_FIRST_GROUP && known && bytes.readUInt32LE(4) <= MAX_FIRST_LENGTH;
  return plausible ? { explicit: false, bigEndian: false } : undefined;
}
