import { CairnError, systemErrorCode } from '@cairn/core';
import {
  DICOM_FILE,
  DICOM_JSON,
  DICOM_XML,
  MULTIPART_RELATED,
  boundaryOf,
  parameterOf,
  parseMediaType,
  readMultipart,
} from '@cairn/dicomweb';

/** One instance of a STOW-RS request, or a part that cannot be one. */
export interface StorePart {
  body: AsyncIterable<Uint8Array>;
  /** What the part's Content-Type names: the syntax of a bare data set. */
  transferSyntaxUid?: string;
  /** Set when the part's Content-Type is none that is stored. */
  problem?: CairnError;
}

/** What the headers of a STOW-RS request say about its body. */
export interface StoreHeaders {
  contentType?: string | undefined;
  contentEncoding?: string | undefined;
  contentLength?: string | undefined;
}

/** Bounds of a STOW-RS request. */
export interface StoreLimits {
  /** Longest body. */
  maxRequestBytes: number;
  /** Most parts in a body. */
  maxParts: number;
}

/**
 * Opens the body by its headers (PS3.18 §10.5.1), before the first byte is read: `multipart/related` with parts of
 * application/dicom, or one Part 10 file. Throws `web.unsupported-media-type`, `web.bad-multipart`, `web.bad-request` for an empty
 * body and `web.payload-too-large`.
 */
export function openStoreRequest(headers: StoreHeaders, body: AsyncIterable<Uint8Array>, limits: StoreLimits): AsyncIterable<StorePart> {
  checkBody(headers, limits);
  const mediaType = parseMediaType(headers.contentType ?? '');
  const bounded = upTo(limits, body);
  if (mediaType?.type === DICOM_FILE) return singlePart(bounded, parameterOf(mediaType, 'transfer-syntax'));
  if (mediaType?.type !== MULTIPART_RELATED) throw unsupported();
  checkRootType(parameterOf(mediaType, 'type')?.trim().toLowerCase() ?? DICOM_FILE);
  return multipleParts(bounded, boundaryOf(mediaType), limits);
}

function checkBody({ contentLength = '', contentEncoding = 'identity' }: StoreHeaders, limits: StoreLimits): void {
  if (contentLength === '0') throw new CairnError('web.bad-request', 'The request has no body.');
  if (Number(contentLength) > limits.maxRequestBytes) throw tooLarge(limits);
  // Bytes are stored as received, so there is nothing to gain from inflating a body, and a bomb to lose (acceptance case 48).
  if (contentEncoding.trim().toLowerCase() !== 'identity') {
    throw new CairnError('web.unsupported-media-type', 'A content coding is not taken: send the instances as they are.');
  }
}

function checkRootType(type: string): void {
  if (type === DICOM_JSON || type === DICOM_XML) {
    throw new CairnError(
      'web.unsupported-media-type',
      'Metadata with separate bulk data is not taken: send whole instances as application/dicom.',
    );
  }
  if (type !== DICOM_FILE) throw unsupported();
}

async function* singlePart(body: AsyncIterable<Uint8Array>, transferSyntaxUid: string | undefined): AsyncGenerator<StorePart> {
  yield await Promise.resolve(transferSyntaxUid === undefined ? { body } : { body, transferSyntaxUid });
}

async function* multipleParts(body: AsyncIterable<Uint8Array>, boundary: string, limits: StoreLimits): AsyncGenerator<StorePart> {
  let parts = 0;
  for await (const part of readMultipart(body, boundary, { maxParts: limits.maxParts })) {
    parts++;
    // Some senders leave the type of a part out; the root type then holds.
    const mediaType = parseMediaType(part.headers.get('content-type') ?? DICOM_FILE);
    const transferSyntaxUid = mediaType && parameterOf(mediaType, 'transfer-syntax');
    yield {
      body: part.body,
      ...(transferSyntaxUid === undefined ? {} : { transferSyntaxUid }),
      ...(mediaType?.type === DICOM_FILE ? {} : { problem: unsupported() }),
    };
  }
  if (parts === 0) throw new CairnError('web.bad-request', 'The multipart body has no parts.');
}

async function* upTo(limits: StoreLimits, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  try {
    for await (const chunk of body) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > limits.maxRequestBytes) throw tooLarge(limits);
      yield chunk;
    }
  } catch (error) {
    // A client that goes away is no fault of ours.
    throw systemErrorCode(error) === 'ECONNRESET' ? new CairnError('web.bad-request', 'The connection ended before the body did.') : error;
  }
}

function tooLarge({ maxRequestBytes }: StoreLimits): CairnError {
  return new CairnError('web.payload-too-large', 'The request is larger than the limit.', { details: { maxRequestBytes } });
}

function unsupported(): CairnError {
  return new CairnError('web.unsupported-media-type', 'Instances are taken as application/dicom, alone or in multipart/related parts.');
}
