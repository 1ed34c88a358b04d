import { protocolError } from './pdu.ts';

/** Variable items of PS3.8 §9.3.2 and PS3.7 annex D: type, reserved byte, 16-bit big endian length, value. */
export const ITEM = {
  applicationContext: 0x10,
  proposedContext: 0x20,
  contextResult: 0x21,
  abstractSyntax: 0x30,
  transferSyntax: 0x40,
  userInformation: 0x50,
  maximumLength: 0x51,
  implementationClassUid: 0x52,
  asynchronousOperations: 0x53,
  roleSelection: 0x54,
  implementationVersionName: 0x55,
  extendedNegotiation: 0x56,
  commonExtendedNegotiation: 0x57,
  userIdentity: 0x58,
  userIdentityResponse: 0x59,
} as const;

/** One item: its type and the bytes of its value. */
export interface Item {
  type: number;
  value: Buffer;
}

/** Walks the items from `start`; throws `dimse.protocol` when one reaches beyond the end. */
export function* readItems(bytes: Buffer, start = 0): Generator<Item> {
  for (let offset = start; offset < bytes.length;) {
    if (offset + 4 > bytes.length) throw protocolError('An item header is cut off.');
    const length = bytes.readUInt16BE(offset + 2);
    const end = offset + 4 + length;
    if (end > bytes.length) throw protocolError('An item reaches beyond the end of its PDU.');
    yield { type: bytes[offset]!, value: bytes.subarray(offset + 4, end) };
    offset = end;
  }
}

/** One item as bytes. */
export function writeItem(type: number, ...parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(parts);
  const header = Buffer.alloc(4);
  header[0] = type;
  header.writeUInt16BE(value.length, 2);
  return Buffer.concat([header, value]);
}

/** A 16-bit length and the bytes it counts, as several sub-items nest them. */
export function writeCounted(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Reads what {@link writeCounted} wrote; throws `dimse.protocol` when it is cut off. */
export function readCounted(bytes: Buffer, offset: number): { value: Buffer; end: number } {
  if (offset + 2 > bytes.length) throw protocolError('A length inside an item is cut off.');
  const end = offset + 2 + bytes.readUInt16BE(offset);
  if (end > bytes.length) throw protocolError('A value inside an item reaches beyond its end.');
  return { value: bytes.subarray(offset + 2, end), end };
}

/** UID text of an item: no padding is defined, but some peers pad with NUL or space. */
export function uidText(value: Buffer): string {
  return value.toString('latin1').replace(/[\0 ]+$/, '');
}

/** Text as bytes of the default repertoire. */
export function ascii(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
