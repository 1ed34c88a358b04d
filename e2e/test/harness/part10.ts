import { createHash } from 'node:crypto';
import { dataSetOffset } from '@cairn/testing';

/** What the meta information of a well-formed file says. */
export interface Part10 {
  sopClassUid: string;
  sopInstanceUid: string;
  transferSyntaxUid: string;
  /** SHA-256 of everything after the meta information. */
  sha256DataSet: string;
  sizeBytes: number;
}

/** Reads the meta information of a well-formed Part 10 file. */
export function readPart10(file: Buffer): Part10 {
  const offset = dataSetOffset(file);
  const meta = file.subarray(0, offset);
  return {
    sopClassUid: uidOf(meta, 0x0002),
    sopInstanceUid: uidOf(meta, 0x0003),
    transferSyntaxUid: uidOf(meta, 0x0010),
    sha256DataSet: sha256(file.subarray(offset)),
    sizeBytes: file.length,
  };
}

/** Hex SHA-256. */
function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function uidOf(meta: Buffer, elementNumber: number): string {
  const tag = Buffer.from([0x02, 0x00, elementNumber & 0xff, elementNumber >> 8, 0x55, 0x49]);
  const at = meta.indexOf(tag);
  if (at < 0) return '';
  return meta.toString('latin1', at + 8, at + 8 + meta.readUInt16LE(at + 6)).replaceAll(/[\0 ]+$/g, '');
}
