/** Bytes of known length that are made when they are needed. */
export interface BodySegment {
  sizeBytes: number;
  /** The bytes from `start` (included) to `end` (excluded), both within the segment. */
  open(this: void, start: number, end: number, signal?: AbortSignal): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** What a part's headers say. Values are trusted: they come from tables and checked UIDs, never from a client. */
export interface PartDescription {
  /** With parameters; transfer syntaxes unquoted, because widely used clients keep the quotes as part of the UID. */
  contentType: string;
  sizeBytes?: number;
  /** URL of the part's own resource. */
  location?: string;
}

/** A part of known length. */
export type PartSegment = PartDescription & BodySegment;

/** Clients look for the end of the first header block within this many bytes; a longer location is left out. */
const MAX_LOCATION_LENGTH = 600;

/** Content-Type of a multipart answer. The type is quoted, as RFC 2387 §5 asks because of its slash. */
export function multipartType(rootType: string, boundary: string): string {
  return `multipart/related; type="${rootType}"; boundary=${boundary}`;
}

/** Delimiter line and headers of a part; `Content-Type` is spelled exactly so, because clients search for this text. */
export function partHeader(boundary: string, part: PartDescription, isFirst: boolean): Buffer {
  const length = part.sizeBytes === undefined ? '' : `Content-Length: ${part.sizeBytes}\r\n`;
  const location =
    part.location === undefined || part.location.length > MAX_LOCATION_LENGTH ? '' : `Content-Location: ${part.location}\r\n`;
  return Buffer.from(`${isFirst ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${part.contentType}\r\n${length}${location}\r\n`, 'latin1');
}

/** The end of a multipart body. */
export function closingDelimiter(boundary: string): Buffer {
  return Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1');
}

/**
 * A whole multipart body of parts whose lengths are known, so that its own length is and ranges of it can be given. Headers are
 * made again when they are sent: 100,000 frames would hold 40 MB of them.
 */
export function multipartSegments(boundary: string, parts: readonly PartSegment[]): BodySegment[] {
  const segments = parts.flatMap((part, index): BodySegment[] => {
    const header = (): Buffer => partHeader(boundary, part, index === 0);
    return [{ sizeBytes: header().length, open: (start, end) => [header().subarray(start, end)] }, part];
  });
  return [...segments, bytesSegment(closingDelimiter(boundary))];
}

/** Bytes in memory as a segment. */
export function bytesSegment(bytes: Uint8Array): BodySegment {
  return { sizeBytes: bytes.byteLength, open: (start, end) => [bytes.subarray(start, end)] };
}

/** Length of all segments together. */
export function totalSize(segments: readonly BodySegment[]): number {
  return segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** The bytes `start` to `end` (excluded) of segments laid end to end; only the segments concerned are opened, each when its turn comes. */
export async function* readSegments(
  segments: readonly BodySegment[],
  start: number,
  end: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  let offset = 0;
  for (const segment of segments) {
    const from = Math.max(start - offset, 0);
    const to = Math.min(end - offset, segment.sizeBytes);
    if (from < to) yield* segment.open(from, to, signal);
    offset += segment.sizeBytes;
    if (offset >= end) return;
  }
}
