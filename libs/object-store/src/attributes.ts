import { CairnError } from '@cairn/core';
import type { ObjectAttributes } from './object-store.ts';

const MAX_ATTRIBUTES_BYTES = 2048;

/** JSON text of attributes; more than 2 KiB is a fault of the caller (`internal.unexpected`). */
export function encodeAttributes(attributes: ObjectAttributes | undefined): string {
  const text = JSON.stringify(attributes ?? {});
  if (Buffer.byteLength(text) > MAX_ATTRIBUTES_BYTES) throw new CairnError('internal.unexpected', 'Object attributes exceed 2 KiB.');
  return text;
}
