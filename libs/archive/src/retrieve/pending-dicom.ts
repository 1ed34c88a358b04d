import { pipeline } from 'node:stream';
import { createInflateRaw } from 'node:zlib';
import { CairnError } from '@cairn/core';
import type { Bytes } from './byte-streams.ts';

/** Stands in for the functions of @cairn/dicom until they exist. */
export function convertible(_from: string, _to: string): boolean {
  return false;
}

export function encodeFileMeta(_meta: { sopClassUid: string; sopInstanceUid: string; transferSyntaxUid: string }): Uint8Array {
  throw new CairnError('dicom.transcode-unsupported', 'Meta information cannot be made yet.');
}

export function transcodeDataSet(_source: Bytes, _from: string, _to: string): Bytes {
  throw new CairnError('dicom.transcode-unsupported', 'Data sets cannot be re-encoded yet.');
}

export function inflateDataSet(source: Bytes): Bytes {
  const inflate = createInflateRaw();
  pipeline(source, inflate, () => undefined);
  return inflate;
}

export const TRANSFER_SYNTAXES: ReadonlyMap<string, { encapsulated: boolean; mediaType: string }> = new Map([
  ['1.2.840.10008.1.2.4.50', { encapsulated: true, mediaType: 'image/jpeg' }],
]);
