import { CairnError } from '@cairn/core';
import type { ByteRange } from './object-store.ts';

/** The range as first byte and byte after the last, within an object of `sizeBytes`; outside → `object-store.invalid-range`. */
export function resolveRange(range: ByteRange | undefined, sizeBytes: number): { start: number; end: number } {
  const start = range?.start ?? 0;
  const end = range?.end ?? sizeBytes;
  const valid = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end && end <= sizeBytes;
  if (!valid) throw new CairnError('object-store.invalid-range', 'The byte range lies outside the object.', { details: { sizeBytes } });
  return { start, end };
}
