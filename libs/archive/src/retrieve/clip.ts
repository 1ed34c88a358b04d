import { CairnError } from '@cairn/core';
import type { Span } from '@cairn/dicom';
import type { ByteRange } from '@cairn/object-store';

/** A range cut to a value's size; absent means all. One that starts outside → `object-store.invalid-range`. */
export function clipRange(range: ByteRange | undefined, sizeBytes: number): Required<ByteRange> {
  const { start, end = sizeBytes } = range ?? { start: 0 };
  if (start < 0 || start > sizeBytes || end < start) {
    throw new CairnError('object-store.invalid-range', 'The byte range lies outside the value.', { details: { start, end, sizeBytes } });
  }
  return { start, end: Math.min(end, sizeBytes) };
}

/** The spans that hold the bytes [start, end) of all of them joined. */
export function clipSpans(spans: readonly Span[], { start, end }: Required<ByteRange>): Span[] {
  const clipped: Span[] = [];
  let position = 0;
  for (const [offset, length] of spans) {
    const from = Math.max(start - position, 0);
    const to = Math.min(end - position, length);
    if (from < to) clipped.push([offset + from, to - from]);
    position += length;
  }
  return clipped;
}
