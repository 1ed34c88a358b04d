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

/** The first UI element with this tag, found by its bytes: enough for the few that stand at the start of a data set. */
function uidOf(bytes: Buffer, group: number, number: number, transferSyntaxUid: string): string {
  const { explicit, bigEndian } = encodingOf(transferSyntaxUid);
  const tag = Buffer.from([group & 0xff, group >> 8, number & 0xff, number >> 8]);
  const head = Buffer.concat([bigEndian ? tag.swap16() : tag, Buffer.from(explicit ? 'UI' : '')]);
  const at = bytes.indexOf(head) + head.length;
  if (at < head.length) return '';
  const length = bigEndian ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at);
  const start = at + (explicit ? 2 : 4);
  return bytes.toString('latin1', start, start + length).replaceAll(/[\0 ]+$/g, '');
}
