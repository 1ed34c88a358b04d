/** Bodies of STOW-RS requests (PS3.18 §10.5): multipart/related with one Part 10 file a part. */
import type { Phantom } from '../data/phantom.ts';
import { noise, part10Head } from '../data/phantom.ts';
import type { InstancePosition } from '../data/studies.ts';
import { slotValues } from '../data/studies.ts';
import type { HttpRequest } from './http-connection.ts';

const BOUNDARY = 'cairn-bench-boundary';
const PART_START = Buffer.from(`--${BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n`);
const PART_END = Buffer.from('\r\n');
const BODY_END = Buffer.from(`--${BOUNDARY}--\r\n`);

/** A POST of the given instances to `path`; its body is made while it is sent. */
export function stowRequest(path: string, phantom: Phantom, positions: readonly InstancePosition[]): HttpRequest {
  const first = positions[0];
  if (!first) throw new RangeError('a STOW request needs an instance');
  const partBytes = PART_START.length + part10Head(phantom, slotValues(first)).length + phantom.pixelBytes + PART_END.length;
  return {
    method: 'POST',
    path,
    headers: { 'Content-Type': `multipart/related; type="application/dicom"; boundary=${BOUNDARY}`, Accept: 'application/dicom+json' },
    body: parts(phantom, positions),
    bodyBytes: partBytes * positions.length + BODY_END.length,
  };
}

function* parts(phantom: Phantom, positions: readonly InstancePosition[]): Generator<Buffer> {
  for (const position of positions) {
    yield PART_START;
    yield part10Head(phantom, slotValues(position));
    yield* noise(phantom.pixelBytes);
    yield PART_END;
  }
  yield BODY_END;
}
