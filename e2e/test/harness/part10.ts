import { createHash } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { TRANSFER_SYNTAX, dataSetOffset, encodingOf } from '@cairn/testing';

/** What identifies a well-formed file. */
export interface Part10 {
  /** Of the data set: in some real files the meta information says otherwise. */
  sopClassUid: string;
  sopInstanceUid: string;
  transferSyntaxUid: string;
  /** SHA-256 of everything after the meta information. */
  sha256DataSet: string;
  sizeBytes: number;
}

/** Reads the identity of a well-formed Part 10 file. */
export function readPart10(file: Buffer): Part10 {
  const offset = dataSetOffset(file);
  const transferSyntaxUid = uidOf(file.subarray(0, offset), 0x0002, 0x0010, TRANSFER_SYNTAX.explicitLittleEndian);
  const stored = file.subarray(offset);
  const dataSet = transferSyntaxUid === TRANSFER_SYNTAX.deflated ? inflateRawSync(stored) : stored;
  return {
    sopClassUid: uidOf(dataSet, 0x0008, 0x0016, transferSyntaxUid),
    sopInstanceUid: uidOf(dataSet, 0x0008, 0x0018, transferSyntaxUid),
    transferSyntaxUid,
    sha256DataSet: createHash('sha256').update(stored).digest('hex'),
    sizeBytes: file.length,
  };
}

/** VRs whose explicit form has a 32-bit length and that real files give to elements at the start of a data set. */
const LONG_VRS = new Set(['OB', 'SQ', 'UN', 'UT']);

/** Walks the elements to one that stands before anything nested; empty when there is none. */
function uidOf(bytes: Buffer, group: number, number: number, transferSyntaxUid: string): string {
  const { explicit, bigEndian } = encodingOf(transferSyntaxUid);
  const uint16 = (at: number): number => (bigEndian ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at));
  const uint32 = (at: number): number => (bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at));
  const start = bytes.toString('latin1', 128, 132) === 'DICM' ? 132 : 0;
  for (let at = start, next = 0; at + 8 <= bytes.length && uint16(at) <= group; at = next) {
    const long = explicit && LONG_VRS.has(bytes.toString('latin1', at + 4, at + 6));
    const value = long ? at + 12 : at + 8;
    next = value + (long ? uint32(at + 8) : explicit ? uint16(at + 6) : uint32(at + 4));
    if (uint16(at) === group && uint16(at + 2) === number) return bytes.toString('latin1', value, next).replaceAll(/[\0 ]+$/g, '');
  }
  return '';
}
