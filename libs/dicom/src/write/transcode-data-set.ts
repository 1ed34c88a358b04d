import { Readable, pipeline } from 'node:stream';
import type { Transform } from 'node:stream';
import { createDeflateRaw, createInflateRaw } from 'node:zlib';
import { CairnError, systemErrorCode } from '@cairn/core';
import { namedSyntax } from '../scanner/choose-syntax.ts';
import { DEFAULT_SCAN_LIMITS } from '../scanner/limits.ts';
import { DataSetTokenizer } from '../scanner/tokenizer.ts';
import {
  DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
  EXPLICIT_VR_BIG_ENDIAN,
  EXPLICIT_VR_LITTLE_ENDIAN,
  IMPLICIT_VR_LITTLE_ENDIAN,
} from '../tables/transfer-syntaxes.ts';
import { OverlayWriter } from './overlay.ts';
import type { Overlay } from './overlay.ts';
import { TRANSCODE_COLLECT_BYTES, Transcoder } from './transcoder.ts';

const UNCOMPRESSED: ReadonlySet<string> = new Set([
  IMPLICIT_VR_LITTLE_ENDIAN,
  EXPLICIT_VR_LITTLE_ENDIAN,
  EXPLICIT_VR_BIG_ENDIAN,
  DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
]);
const TARGETS: ReadonlySet<string> = new Set([IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN]);

/** Can {@link transcodeDataSet} give a data set of syntax `from` in syntax `to`? */
export function convertible(from: string, to: string): boolean {
  return from === to || (UNCOMPRESSED.has(from) && TARGETS.has(to));
}

/**
 * Re-encodes a data set (without file meta information) while it streams by, in constant memory, and applies an overlay to its
 * top level. With equal syntaxes and no overlay the bytes pass as they are. Otherwise group 0002 and group lengths are left out,
 * sequences get undefined lengths and odd lengths are made even. Throws `dicom.transcode-unsupported` where {@link convertible}
 * is false, and the errors of a damaged source.
 */
export async function* transcodeDataSet(
  source: AsyncIterable<Uint8Array>,
  fromTransferSyntaxUid: string,
  toTransferSyntaxUid: string,
  overlay: Overlay = {},
): AsyncGenerator<Uint8Array> {
  if (!convertible(fromTransferSyntaxUid, toTransferSyntaxUid)) {
    throw new CairnError('dicom.transcode-unsupported', 'The data set cannot be given in this transfer syntax.');
  }
  if (fromTransferSyntaxUid === toTransferSyntaxUid && Object.keys(overlay).length === 0) {
    yield* source;
    return;
  }
  const from = namedSyntax(fromTransferSyntaxUid, Buffer.alloc(0));
  const to = namedSyntax(toTransferSyntaxUid, Buffer.alloc(0));
  const transcoder = new Transcoder(to.encoding, new OverlayWriter(overlay, to.encoding));
  const tokenizer = new DataSetTokenizer(transcoder, {
    encoding: from.encoding,
    sniff: !from.encoding.bigEndian,
    offset: 0,
    maxDepth: DEFAULT_SCAN_LIMITS.depth,
    maxCollect: TRANSCODE_COLLECT_BYTES,
    enterUnknown: false,
  });
  const written = rewrite(from.deflated ? inflateDataSet(source) : source, tokenizer, transcoder);
  yield* to.deflated ? through(written, createDeflateRaw()) : written;
}

/** Inflates the data set of a deflated transfer syntax (raw deflate, PS3.5 §A.5) in constant memory. */
export async function* inflateDataSet(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* through(source, createInflateRaw());
  } catch (error) {
    const code = systemErrorCode(error);
    if (!code?.startsWith('Z_')) throw error;
    if (code === 'Z_BUF_ERROR') throw new CairnError('dicom.truncated', 'The deflated data set is cut off.', { cause: error });
    throw new CairnError('dicom.invalid-structure', 'The data set is no deflate stream.', { cause: error });
  }
}

async function* rewrite(
  source: AsyncIterable<Uint8Array>,
  tokenizer: DataSetTokenizer,
  transcoder: Transcoder,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    tokenizer.push(chunk);
    yield* transcoder.drain();
  }
  tokenizer.end();
  transcoder.end();
  yield* transcoder.drain();
}

/** Passes a source through a stream; an error of either ends both. */
async function* through(source: AsyncIterable<Uint8Array>, transform: Transform): AsyncGenerator<Uint8Array> {
  pipeline(Readable.from(source, { objectMode: false }), transform, () => {
    // The error comes out of the iteration below.
  });
  yield* transform as AsyncIterable<Uint8Array>;
}
