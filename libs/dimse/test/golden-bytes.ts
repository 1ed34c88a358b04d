/** PDUs as real peers send them, and the pieces that scripted peers build wrong ones from. */

const hex = (...lines: string[]): Buffer => Buffer.from(lines.join(''), 'hex');

/** A-ASSOCIATE-RQ of DCMTK 3.6.7's echoscu to CAIRN: Verification, Implicit VR Little Endian, maximum length 16,384. */
export const ECHOSCU_ASSOCIATE_RQ = hex(
  '0100000000cd00010000434149524e20202020202020202020204543484f534355202020202020202020000000000000000000000000000000000000',
  '000000000000000000000000000010000015312e322e3834302e31303030382e332e312e312e312000002e0100ff0030000011312e322e3834302e31',
  '303030382e312e3140000011312e322e3834302e31303030382e312e325000003a51000004000040005200001b312e322e3237362e302e3732333030',
  '31302e332e302e332e362e375500000f4f464649535f44434d544b5f333637',
);

/** C-ECHO-RQ, message 1, with group length, in one P-DATA-TF on context 1. */
export const ECHO_RQ = hex(
  '04000000004a000000460103',
  '000000000400000038000000',
  '0000020012000000312e322e3834302e31303030382e312e3100',
  '00000001020000003000',
  '00001001020000000100',
  '00000008020000000101',
);

export const RELEASE_RQ = hex('05000000000400000000');
export const RELEASE_RP = hex('06000000000400000000');

/** A-ABORT by us as service user. */
export const ABORT_BY_USER = hex('07000000000400000000');

/** A-ABORT by us as provider. */
export const abortByProvider = (reason: number): Buffer => Buffer.from([7, 0, 0, 0, 0, 4, 0, 0, 2, reason]);

/** One P-DATA-TF with one fragment. */
export function dataTf(contextId: number, flags: number, fragment: Uint8Array): Buffer {
  const header = Buffer.alloc(12);
  header[0] = 4;
  header.writeUInt32BE(fragment.length + 6, 2);
  header.writeUInt32BE(fragment.length + 2, 6);
  header[10] = contextId;
  header[11] = flags;
  return Buffer.concat([header, fragment]);
}

/** One element of a command set, with whatever value. */
export function commandElement(element: number, value: Uint8Array, claimedLength = value.length): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16LE(element, 2);
  header.writeUInt32LE(claimedLength, 4);
  return Buffer.concat([header, value]);
}

/** A 16-bit value. */
export function us(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

/** A C-STORE-RQ command without group length, as some senders make it. */
export function storeCommand(sopClassUid: string, sopInstanceUid: string): Buffer {
  const uid = (text: string): Buffer => Buffer.from(text.length % 2 ? `${text}\0` : text, 'latin1');
  return Buffer.concat([
    commandElement(0x0002, uid(sopClassUid)),
    commandElement(0x0100, us(1)),
    commandElement(0x0110, us(1)),
    commandElement(0x0700, us(0)),
    commandElement(0x0800, us(0)),
    commandElement(0x1000, uid(sopInstanceUid)),
  ]);
}
