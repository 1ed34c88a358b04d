import { Readable, pipeline } from 'node:stream';
import { constants, createGzip } from 'node:zlib';
import type { DicomJson } from '@cairn/core';
import { DICOM_XML, closingDelimiter, partHeader, toNativeXml } from '@cairn/dicomweb';

/** Text is gathered to pieces of this size before it is sent. */
const PIECE_LENGTH = 64 * 1024;

/** DICOM JSON texts as one array. */
export async function* jsonArray(texts: AsyncIterable<string>): AsyncGenerator<Buffer> {
  let piece = '[';
  let separator = '';
  for await (const text of texts) {
    piece += separator + text;
    separator = ',';
    if (piece.length < PIECE_LENGTH) continue;
    yield Buffer.from(piece);
    piece = '';
  }
  yield Buffer.from(`${piece}]`);
}

/** DICOM JSON texts as a multipart body of Native DICOM Model documents. */
export async function* xmlParts(texts: AsyncIterable<string>, boundary: string): AsyncGenerator<Buffer> {
  let isFirst = true;
  for await (const text of texts) {
    const document = Buffer.from(toNativeXml(JSON.parse(text) as DicomJson));
    yield Buffer.concat([partHeader(boundary, { contentType: DICOM_XML, sizeBytes: document.length }, isFirst), document]);
    isFirst = false;
  }
  yield closingDelimiter(boundary);
}

/** The same bytes gzip-coded, fast rather than small. Nothing is read before the first piece is asked for. */
export async function* gzipBytes(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const coded = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: PIECE_LENGTH });
  // Errors of the source destroy the coder, whose reader then gets them.
  pipeline(Readable.from(chunks, { objectMode: false, highWaterMark: PIECE_LENGTH }), coded, () => undefined);
  yield* coded;
}
