import { CairnError } from '@cairn/core';

/** Reads a tag as an unsigned number, group in the upper half. */
export function readTag(bytes: Buffer, at: number, bigEndian: boolean): number {
  return bigEndian ? bytes.readUInt32BE(at) : ((bytes[at + 1]! << 24) | (bytes[at]! << 16) | (bytes[at + 3]! << 8) | bytes[at + 2]!) >>> 0;
}

/** True for an ASCII letter A to Z, as VRs are made of. */
export function isUpperCase(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}

/** The error for bytes that lose track of the elements. */
export function invalid(what: string, offset: number): CairnError {
  return new CairnError('dicom.invalid-structure', `At byte ${offset}: ${what}.`, { details: { offset } });
}

/** The error for data that ends too early. */
export function truncated(offset: number): CairnError {
  return new CairnError('dicom.truncated', `The data ends at byte ${offset}, inside an element or before a delimiter.`, {
    details: { offset },
  });
}
