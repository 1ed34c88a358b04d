import { CairnError } from '@cairn/core';
import type { QueryLevel } from '../../query.ts';

/** A row's place in the order of its level: the `order` of each document from the study (or patient) down. */
export type CursorKey = readonly string[];

const SHAPE: Readonly<Record<QueryLevel, readonly RegExp[]>> = {
  patient: [/\0/],
  study: [/^\d{16}\|/],
  series: [/^\d{16}\|/, /^\d{17}\|/],
  instance: [/^\d{16}\|/, /^\d{17}\|/, /^\d{17}\|/],
};

export function encodeCursor(key: CursorKey): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** Throws `query.invalid-paging` for what {@link encodeCursor} did not make for this level. */
export function decodeCursor(level: QueryLevel, cursor: string): CursorKey {
  const key = parse(cursor);
  const shape = SHAPE[level];
  if (
    Array.isArray(key) &&
    key.length === shape.length &&
    shape.every((form, index) => typeof key[index] === 'string' && form.test(key[index]))
  )
    return key as string[];
  throw new CairnError('query.invalid-paging', 'The page cursor is not one of this query.');
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown;
  } catch {
    return undefined;
  }
}
