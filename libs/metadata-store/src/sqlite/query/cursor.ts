import { CairnError } from '@cairn/core';
import type { QueryLevel } from '../../query.ts';

/** A row's place in the order of its level: name and key; place; then position and UID of series and instance. */
export type CursorKey = readonly (string | number)[];

const SHAPE: Readonly<Record<QueryLevel, readonly ('string' | 'number')[]>> = {
  patient: ['string', 'string'],
  study: ['number'],
  series: ['number', 'number', 'string'],
  instance: ['number', 'number', 'string', 'number', 'string'],
};

export function encodeCursor(key: CursorKey): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** Throws `query.invalid-paging` for what {@link encodeCursor} did not make for this level. */
export function decodeCursor(level: QueryLevel, cursor: string): CursorKey {
  const key = parse(cursor);
  const shape = SHAPE[level];
  if (Array.isArray(key) && key.length === shape.length && shape.every((type, index) => typeof key[index] === type))
    return key as CursorKey;
  throw new CairnError('query.invalid-paging', 'The page cursor is not one of this query.');
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown;
  } catch {
    return undefined;
  }
}
