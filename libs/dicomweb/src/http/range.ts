import { CairnError } from '@cairn/core';

/** A span of a representation: `end` is the first byte not wanted. */
export interface RequestedRange {
  start: number;
  end: number;
}

/** Lists of more ranges than this are an attack (acceptance case 61), shorter ones are legal but answered with everything. */
const MAX_RANGES = 10;

/**
 * The span that a Range header asks for (RFC 9110 §14.2): undefined when it is missing, malformed, of another unit or a short
 * list, all of which are answered with the whole. Throws `web.range-not-satisfiable` outside the size or for many ranges.
 */
export function parseRange(header: string | undefined, sizeBytes: number): RequestedRange | undefined {
  const ranges = /^bytes=(.*)$/i.exec(header?.trim() ?? '')?.[1]?.split(',', MAX_RANGES + 1) ?? [];
  if (ranges.length > MAX_RANGES) throw notSatisfiable('Too many ranges are asked for.', sizeBytes);
  const range = ranges.length === 1 ? oneRange(ranges[0]!.trim(), sizeBytes) : undefined;
  if (range !== undefined && range.start >= range.end) throw notSatisfiable('The range lies outside the representation.', sizeBytes);
  return range;
}

function oneRange(text: string, sizeBytes: number): RequestedRange | undefined {
  const suffixLength = /^-(\d+)$/.exec(text)?.[1];
  if (suffixLength !== undefined) return suffix(Number(suffixLength), sizeBytes);
  const [, first, last] = /^(\d+)-(\d*)$/.exec(text) ?? [];
  return first === undefined ? undefined : span(Number(first), last ?? '', sizeBytes);
}

function suffix(length: number, sizeBytes: number): RequestedRange {
  return { start: Math.max(sizeBytes - length, 0), end: length === 0 ? 0 : sizeBytes };
}

function span(start: number, last: string, sizeBytes: number): RequestedRange | undefined {
  if (last !== '' && Number(last) < start) return undefined;
  return { start, end: last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes) };
}

function notSatisfiable(message: string, sizeBytes: number): CairnError {
  return new CairnError('web.range-not-satisfiable', message, { details: { sizeBytes } });
}
