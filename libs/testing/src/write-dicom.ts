import { deflateRawSync } from 'node:zlib';
import { element } from './dicom-element.ts';
import type { ElementSpec } from './dicom-element.ts';
import { writeElements } from './element-writer.ts';
import type { ElementEncoding } from './element-writer.ts';

/** The transfer syntaxes that tests name (PS3.6 annex A). */
export const TRANSFER_SYNTAX = {
  implicitLittleEndian: '1.2.840.10008.1.2',
  explicitLittleEndian: '1.2.840.10008.1.2.1',
  deflated: '1.2.840.10008.1.2.1.99',
  explicitBigEndian: '1.2.840.10008.1.2.2',
  jpegBaseline: '1.2.840.10008.1.2.4.50',
  jpegLossless: '1.2.840.10008.1.2.4.70',
  jpegLsLossless: '1.2.840.10008.1.2.4.80',
  jpeg2000Lossless: '1.2.840.10008.1.2.4.90',
  mpeg4: '1.2.840.10008.1.2.4.102',
  htj2kLossless: '1.2.840.10008.1.2.4.201',
  rle: '1.2.840.10008.1.2.5',
} as const;

/** A Part 10 file, or a part of one, to write. */
export interface DicomFileSpec {
  /** The data set in the order to be written. */
  elements: readonly ElementSpec[];
  /** Default Explicit VR Little Endian. */
  transferSyntaxUid?: string;
  /** Encoding of the data set where it shall not be the one of the transfer syntax. */
  encoding?: ElementEncoding;
  /** 128 bytes that `DICM` follows; false: neither. Default zeros. */
  preamble?: Uint8Array | false;
  /** Group 0002 without its group length; false: none. Default: made from the data set's SOP Class and Instance UID. */
  meta?: readonly ElementSpec[] | false;
  /** The meta group length (0002,0000): right, absent, or this number. Default right. */
  metaGroupLength?: 'right' | 'absent' | number;
  /** Write the retired group length (gggg,0000) before every group of the data set: right, or this number. */
  groupLengths?: 'right' | number;
  /** Bytes after the data set. */
  trailing?: Uint8Array;
}

const EXPLICIT_LITTLE_ENDIAN: ElementEncoding = { explicit: true, bigEndian: false };

/**
 * Writes a Part 10 file (PS3.10 §7) element by element, exactly as told, wrong lengths and missing delimiters included.
 *
 * @example writeDicom({ elements: [element('00080018', 'UI', '1.2.3'), element('00100010', 'PN', 'Doe^Jane')] })
 */
export function writeDicom(spec: DicomFileSpec): Buffer {
  const preamble = spec.preamble === false ? [] : [spec.preamble ?? Buffer.alloc(128), Buffer.from('DICM')];
  return Buffer.concat([...preamble, writeMeta(spec), writeDataSet(spec), spec.trailing ?? Buffer.alloc(0)]);
}

/** The data set of a {@link DicomFileSpec} alone, as it travels in a C-STORE. */
export function writeDataSet(spec: DicomFileSpec): Buffer {
  const transferSyntaxUid = spec.transferSyntaxUid ?? TRANSFER_SYNTAX.explicitLittleEndian;
  const encoding = spec.encoding ?? encodingOf(transferSyntaxUid);
  const bytes = writeElements(withGroupLengths(spec.elements, encoding, spec.groupLengths), encoding);
  if (transferSyntaxUid !== TRANSFER_SYNTAX.deflated) return bytes;
  const deflated = deflateRawSync(bytes);
  return deflated.length % 2 === 0 ? deflated : Buffer.concat([deflated, Buffer.alloc(1)]);
}

/** How the data set of a transfer syntax is encoded. */
export function encodingOf(transferSyntaxUid: string): ElementEncoding {
  return {
    explicit: transferSyntaxUid !== TRANSFER_SYNTAX.implicitLittleEndian,
    bigEndian: transferSyntaxUid === TRANSFER_SYNTAX.explicitBigEndian,
  };
}

/** First byte of the data set in a well-formed Part 10 file: after preamble and a meta group with a right group length. */
export function dataSetOffset(file: Uint8Array): number {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const start = bytes.toString('latin1', 128, 132) === 'DICM' ? 132 : 0;
  if (bytes.readUInt32LE(start) !== 0x00000002) throw new Error('No group length of the meta information.');
  return start + 12 + bytes.readUInt32LE(start + 8);
}

function writeMeta(spec: DicomFileSpec): Buffer {
  if (spec.meta === false) return Buffer.alloc(0);
  const body = writeElements(spec.meta ?? defaultMeta(spec), EXPLICIT_LITTLE_ENDIAN);
  if (spec.metaGroupLength === 'absent') return body;
  const length = typeof spec.metaGroupLength === 'number' ? spec.metaGroupLength : body.length;
  return Buffer.concat([writeElements([element('00020000', 'UL', length)], EXPLICIT_LITTLE_ENDIAN), body]);
}

function defaultMeta(spec: DicomFileSpec): ElementSpec[] {
  const valueOf = (tag: string): string => String(spec.elements.find((each) => each.tag === tag)?.value ?? '');
  return [
    element('00020001', 'OB', Uint8Array.of(0, 1)),
    element('00020002', 'UI', valueOf('00080016')),
    element('00020003', 'UI', valueOf('00080018')),
    element('00020010', 'UI', spec.transferSyntaxUid ?? TRANSFER_SYNTAX.explicitLittleEndian),
    element('00020012', 'UI', '1.2.826.0.1.3680043.10.1.1'),
  ];
}

function withGroupLengths(
  elements: readonly ElementSpec[],
  encoding: ElementEncoding,
  lengths: DicomFileSpec['groupLengths'],
): readonly ElementSpec[] {
  if (lengths === undefined) return elements;
  const groups = Map.groupBy(elements, (each) => each.tag.slice(0, 4));
  return [...groups].flatMap(([group, members]) => [
    element(`${group}0000`, 'UL', lengths === 'right' ? writeElements(members, encoding).length : lengths),
    ...members,
  ]);
}
