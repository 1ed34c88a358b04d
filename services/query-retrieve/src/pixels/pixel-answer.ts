import type { OutgoingBulkData, OutgoingFrames } from '@cairn/archive';
import { OCTET_STREAM, boundaryFor, chooseBytes, multipartSegments, multipartType } from '@cairn/dicomweb';
import type { BulkChoice, PartSegment, RequestedRange } from '@cairn/dicomweb';
import type { SegmentAnswer } from '../http/send-segments.ts';

/** Frames in one of the ways that the client takes; `url` names the instance. Throws `web.not-acceptable`. */
export function framesAnswer(outgoing: OutgoingFrames, choices: readonly BulkChoice[], url: string): SegmentAnswer {
  const chosen = chooseBytes(choices, outgoing);
  const contentType = typeWithSyntax(chosen.mediaType, outgoing.transferSyntaxUid);
  const parts = outgoing.frames.map((frame): PartSegment => ({
    contentType,
    location: `${url}/frames/${frame.number}`,
    sizeBytes: frame.sizeBytes,
    open: (start, end, signal) => frame.open({ start, end }, signal),
  }));
  return chosen.multipart ? multipartAnswer(chosen.mediaType, parts) : { contentType, segments: parts };
}

/**
 * A bulk value in one of the ways that the client takes; `url` is its own. A range counts in the value, also within a multipart
 * answer: Python's dicomweb-client asks so and expects a whole part that holds the span. Throws `web.not-acceptable`.
 */
export function bulkDataAnswer(
  outgoing: OutgoingBulkData,
  choices: readonly BulkChoice[],
  url: string,
  range: RequestedRange | undefined,
): SegmentAnswer {
  const chosen = chooseBytes(choices, outgoing);
  // A document's type says all; bytes without one need to be told apart from compressed ones.
  const contentType = chosen.mediaType === OCTET_STREAM ? typeWithSyntax(OCTET_STREAM, outgoing.transferSyntaxUid) : chosen.mediaType;
  const { start, end } = range ?? { start: 0, end: outgoing.sizeBytes };
  const part: PartSegment = {
    contentType,
    location: url,
    sizeBytes: end - start,
    open: (from, to, signal) => outgoing.open({ start: start + from, end: start + to }, signal),
  };
  const answer = chosen.multipart ? multipartAnswer(chosen.mediaType, [part]) : { contentType, segments: [part] };
  return range === undefined ? answer : { ...answer, valueRange: { ...range, sizeBytes: outgoing.sizeBytes } };
}

function multipartAnswer(mediaType: string, parts: readonly PartSegment[]): SegmentAnswer {
  // The same for every request of this representation, so that ranges of it fit together.
  const boundary = boundaryFor(`${parts[0]?.location} ${parts.length}`);
  return { contentType: multipartType(mediaType, boundary), segments: multipartSegments(boundary, parts) };
}

function typeWithSyntax(mediaType: string, transferSyntaxUid: string): string {
  return `${mediaType}; transfer-syntax=${transferSyntaxUid}`;
}
