import { randomBytes } from 'node:crypto';
import { CairnError } from '@cairn/core';
import type { ObjectAttributes } from '../object-store.ts';

/** S3 allows 2 KiB of user metadata, names included; the rest is for the names and the other values here. */
const MAX_INLINE_BYTES = 1_700;

/** What is kept of an object beside its bytes. */
export interface ObjectRecord {
  /** Random, one for each put: proves after a lost answer that the object under a key is the one just put. */
  putId: string;
  /** SHA-256 of the bytes, hexadecimal; undefined when it was not known before they were sent, and lies in the companion. */
  sha256?: string;
  /** Undefined: they lie in the companion. */
  attributes?: ObjectAttributes;
}

/** What a companion object holds: all that the object's own metadata could not. */
export interface Companion {
  key: string;
  sha256: string;
  attributes: ObjectAttributes;
}

/** Identity of a new put. */
export function newPutId(): string {
  return randomBytes(16).toString('hex');
}

/**
 * Key of the object that holds what an object's metadata cannot: attributes that were known only after a multipart upload had
 * begun, or are too long. `~` is in no key of the port, so that no listing shows it.
 */
export function companionKey(tenant: string, putId: string): string {
  return `~attributes/${tenant}/${putId}`;
}

/** True when the attributes can be user metadata. */
export function fitsMetadata(attributes: ObjectAttributes): boolean {
  return asciiJson(attributes).length <= MAX_INLINE_BYTES;
}

/** S3 user metadata of an object. */
export function encodeRecord(record: ObjectRecord): Record<string, string> {
  return {
    'cairn-put': record.putId,
    ...(record.sha256 === undefined ? {} : { 'cairn-sha256': record.sha256 }),
    ...(record.attributes === undefined ? {} : { 'cairn-attributes': asciiJson(record.attributes) }),
  };
}

/** Reads user metadata; an object that another program put has no `putId` and no attributes. */
export function decodeRecord(metadata: Readonly<Record<string, string>> = {}): ObjectRecord {
  const putId = metadata['cairn-put'] ?? '';
  const sha256 = metadata['cairn-sha256'];
  const text = metadata['cairn-attributes'];
  const attributes = text === undefined ? (putId === '' ? {} : undefined) : parse<ObjectAttributes>(text);
  return { putId, ...(sha256 === undefined ? {} : { sha256 }), ...(attributes === undefined ? {} : { attributes }) };
}

export function encodeCompanion(companion: Companion): string {
  return JSON.stringify(companion);
}

export function decodeCompanion(text: string): Companion {
  return parse<Companion>(text);
}

/** JSON that survives as an HTTP header: ASCII, and no blanks in a row, which signatures take for one. */
function asciiJson(attributes: ObjectAttributes): string {
  return JSON.stringify(attributes).replace(
    /[^\x20-\x7e]| (?= )/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function parse<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new CairnError('object-store.digest-mismatch', 'The metadata of an object is damaged.', { cause: error });
  }
}
