import type { OutgoingBulkData, OutgoingFrames } from '@cairn/archive';
import { OCTET_STREAM, boundaryFor, chooseBytes, multipartSegments, multipartType } from '@cairn/dicomweb';
import type { BodySegment, BulkChoice, PartSegment } from '@cairn/dicomweb';

/** A body of known length with its Content-Type. */
export interface SegmentAnswer {
  contentType: string;
  segments: readonly BodySegment[];
}

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

/** A bulk value in one of the ways that the client takes; `url` is its own. Throws `web.not-acceptable`. */
export function bulkDataAnswer(outgoing: OutgoingBulkData, choices: readonly BulkChoice[], url: string): SegmentAnswer {
  const chosen = chooseBytes(choices, outgoing);
  // A document's type says all; bytes without one need to be told apart from compressed ones.
  const contentType = chosen.mediaType === OCTET_STREAM ? typeWithSyntax(OCTET_STREAM, outgoing.transferSyntaxUid) : chosen.mediaType;
  const part: PartSegment = {
    contentType,
    location: url,
    sizeBytes: outgoing.sizeBytes,
    open: (start, end, signal) => outgoing.open({ start, end }, signal),
  };
  return chosen.multipart ? multipartAnswer(chosen.mediaType, [part]) : { contentType, segments: [part] };
}

function multipartAnswer(mediaType: string, parts: readonly PartSegment[]): SegmentAnswer {
  // The same for every request of this representation, so that ranges of it fit together.
  const boundary = boundaryFor(parts.map(({ location }) => location).join(','));
  return { contentType: multipartType(mediaType, boundary), segments: multipartSegments(boundary, parts) };
}

function typeWithSyntax(mediaType: string, transferSyntaxUid: string): string {
  return `${mediaType}; transfer-syntax=${transferSyntaxUid}`;
}
