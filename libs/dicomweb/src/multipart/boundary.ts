import { createHash } from 'node:crypto';
import { CairnError } from '@cairn/core';
import { parameterOf } from '../accept/media-type.ts';
import type { MediaType } from '../accept/media-type.ts';

/** RFC 2046 §5.1.1: 1 to 70 of these, the last no blank. */
const BOUNDARY = /^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$/;

/** The boundary of a multipart Content-Type. Throws `web.bad-multipart` for a missing or malformed one. */
export function boundaryOf(mediaType: MediaType): string {
  const boundary = parameterOf(mediaType, 'boundary');
  if (boundary === undefined || !BOUNDARY.test(boundary)) {
    throw new CairnError('web.bad-multipart', 'The Content-Type of a multipart body needs a boundary of 1 to 70 allowed characters.');
  }
  return boundary;
}

/**
 * A boundary that is the same for the same seed: clients glue ranges of one multipart answer together, so a representation must
 * keep its boundary from request to request. 128 bits of a digest do not occur in image data by chance.
 */
export function boundaryFor(seed: string): string {
  return `cairn-${createHash('sha256').update(seed).digest('hex').slice(0, 32)}`;
}
