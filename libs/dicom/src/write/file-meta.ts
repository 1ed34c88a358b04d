import { CairnError } from '@cairn/core';

/** What the file meta information of an instance says. */
export interface FileMetaSpec {
  sopClassUid: string;
  sopInstanceUid: string;
  transferSyntaxUid: string;
  /** AE title of the sender (0002,0016). */
  sourceAet?: string;
}

/** Implementation Class UID (0002,0012), derived from a UUID (PS3.5 §B.2). */
export const IMPLEMENTATION_CLASS_UID = '2.25.3559839545859234406270386896821797518';
/** Implementation Version Name (0002,0013), at most 16 characters. */
export const IMPLEMENTATION_VERSION_NAME = 'CAIRN_0.1.0';

const PREAMBLE = 128;

/**
 * Preamble, prefix and file meta information (PS3.10 §7.1), to be followed by the data set.
 * Leading zeros in UIDs are kept;
 * throws `dicom.invalid-identifier` for one that breaks the element: other than 1 to 64 digits and dots.
 */
export function encodeFileMeta(spec: FileMetaSpec): Buffer {
  const elements = [
    longElement(0x0001, 'OB', Buffer.from([0, 1])),
    uidElement(0x0002, spec.sopClassUid),
    uidElement(0x0003, spec.sopInstanceUid),
    uidElement(0x0010, spec.transferSyntaxUid),
    uidElement(0x0012, IMPLEMENTATION_CLASS_UID),
    shortElement(0x0013, 'SH', padded(IMPLEMENTATION_VERSION_NAME, ' ')),
    ...(spec.sourceAet ? [shortElement(0x0016, 'AE', padded(spec.sourceAet, ' '))] : []),
  ];
  const group = Buffer.concat(elements);
  const groupLength = Buffer.alloc(4);
  groupLength.writeUInt32LE(group.length);
  return Buffer.concat([Buffer.alloc(PREAMBLE), Buffer.from('DICM'), shortElement(0x0000, 'UL', groupLength), group]);
}

function uidElement(element: number, uid: string): Buffer {
  if (!/^[\d.]{1,64}$/.test(uid)) throw new CairnError('dicom.invalid-identifier', 'A UID of the file meta information is not valid.');
  return shortElement(element, 'UI', padded(uid, '\0'));
}

function shortElement(element: number, vr: string, value: Buffer): Buffer {
  const header = Buffer.from([
    2,
    0,
    element & 0xff,
    element >> 8,
    vr.charCodeAt(0),
    vr.charCodeAt(1),
    value.length & 0xff,
    value.length >> 8,
  ]);
  return Buffer.concat([header, value]);
}

function longElement(element: number, vr: string, value: Buffer): Buffer {
  const header = Buffer.from([2, 0, element & 0xff, element >> 8, vr.charCodeAt(0), vr.charCodeAt(1), 0, 0, value.length, 0, 0, 0]);
  return Buffer.concat([header, value]);
}

function padded(text: string, padding: string): Buffer {
  return Buffer.from(text.length % 2 === 0 ? text : text + padding, 'latin1');
}
