import { parameterOf, parseMediaType, splitOutsideQuotes } from './media-type.ts';
import type { MediaType } from './media-type.ts';

/** One entry of an Accept header. */
export interface AcceptEntry extends MediaType {
  /** 0 to 1; entries of quality 0 are refused by the client. */
  quality: number;
}

/** The entries of a request, most wanted first. */
export type Accept = readonly AcceptEntry[];

/** More entries than any client sends; the rest is not read. */
const MAX_ENTRIES = 64;

const EVERYTHING: Accept = [{ type: '*/*', parameters: new Map(), quality: 1 }];

/**
 * What the client takes (RFC 9110 §12.5.1, PS3.18 §8.3.3): values of the query parameter `accept` (decoded) override the
 * header, a missing or blank one means everything, entries that are no media range are skipped. Most wanted first: by quality, then as written.
 */
export function parseAccept(header: string | undefined, queryValues: readonly string[] = []): Accept {
  const text = queryValues.length > 0 ? queryValues.join(',') : (header ?? '');
  if (text.trim() === '') return EVERYTHING;
  return splitOutsideQuotes(text, ',')
    .slice(0, MAX_ENTRIES)
    .map((part) => parseMediaType(part))
    .filter((entry) => entry !== undefined)
    .map((entry) => ({ ...entry, quality: qualityOf(entry) }))
    .filter(({ quality }) => quality > 0)
    .toSorted((left, right) => right.quality - left.quality);
}

/** `q=1`, `q=0.5` and, as some clients write, `q=.2`; anything else counts as 1. */
function qualityOf(entry: MediaType): number {
  const text = parameterOf(entry, 'q');
  if (text === undefined || !/^(?:\d+\.?\d*|\.\d+)$/.test(text)) return 1;
  return Math.min(Number(text), 1);
}
