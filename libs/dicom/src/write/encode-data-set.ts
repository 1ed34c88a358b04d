import { deflateRawSync } from 'node:zlib';
import type { DicomJson } from '@cairn/core';
import { namedSyntax } from '../scanner/choose-syntax.ts';
import { encodeItem } from './encode-element.ts';

/** Settings of {@link encodeDataSet}. */
export interface EncodeOptions {
  /** Specific Character Set wanted, values separated by backslashes; without it the one that the data set names. */
  charset?: string;
}

const CHARACTER_SET = '00080005';
const UTF8 = 'ISO_IR 192';

/**
 * Writes a small data set that is whole in memory, such as a query identifier. Texts are written in the character set wanted, or
 * all in `ISO_IR 192` when that cannot hold them; (0008,0005) says which. `dicom.transcode-unsupported` for a value by BulkDataURI.
 */
export function encodeDataSet(json: DicomJson, transferSyntaxUid: string, options: EncodeOptions = {}): Buffer {
  const { encoding, deflated } = namedSyntax(transferSyntaxUid, Buffer.alloc(0));
  const declared = (json[CHARACTER_SET]?.Value ?? []).map((term) => (typeof term === 'string' ? term : ''));
  const charsets = options.charset === undefined ? declared : options.charset.split('\\');
  let needsUtf8 = false;
  const onUnencodable = (text: string): Buffer => {
    needsUtf8 = true;
    return Buffer.from(text);
  };
  let bytes = encodeItem(withCharacterSet(json, charsets), { encoding, charsets, onUnencodable });
  if (needsUtf8) bytes = encodeItem(withCharacterSet(json, [UTF8]), { encoding, charsets: [UTF8], onUnencodable });
  return deflated ? evened(deflateRawSync(bytes)) : bytes;
}

function withCharacterSet(json: DicomJson, charsets: readonly string[]): DicomJson {
  if (charsets.length === 0) return json;
  return { ...json, [CHARACTER_SET]: { vr: 'CS', Value: charsets } };
}

/** A deflated data set of odd length gets a NUL after its end (PS3.5 §A.5). */
function evened(bytes: Buffer): Buffer {
  return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)]);
}
