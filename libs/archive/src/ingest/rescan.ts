import { CairnError, recycleChunk } from '@cairn/core';
import type { Scope } from '@cairn/core';
import { DicomScanner } from '@cairn/dicom';
import type { InstanceReceipt } from '@cairn/metadata-store';
import type { ObjectStore } from '@cairn/object-store';
import { decodeLandingAttributes } from './landing-attributes.ts';
import { parseLandingKey } from './landing-key.ts';
import { receiptOf } from './receipt.ts';

/**
 * Makes the receipt of a landing object anew from its bytes and attributes: equal to the one made when it was received.
 * Bytes that are not those received → `object-store.digest-mismatch`; undefined when there is no such object any more.
 */
export async function rescan(objectStore: ObjectStore, scope: Scope, key: string): Promise<InstanceReceipt | undefined> {
  const ulid = parseLandingKey(key)?.ulid;
  const info = await objectStore.head(scope, key);
  if (info === undefined || ulid === undefined) return undefined;
  const attributes = decodeLandingAttributes(info.attributes);
  const { transferSyntaxUid } = attributes;
  const scanner = new DicomScanner(transferSyntaxUid === undefined ? {} : { transferSyntaxUid });
  for await (const chunk of (await objectStore.get(scope, key)).chunks) {
    scanner.push(chunk);
    recycleChunk(chunk);
  }
  const scan = scanner.end();
  if (scan.sha256DataSet !== attributes.sha256DataSet || scan.sha256Meta !== attributes.sha256Meta) {
    throw new CairnError('object-store.digest-mismatch', 'The bytes of the landing object are not those received.');
  }
  return receiptOf(scan, { ulid, key, source: attributes.source, defaultIssuer: attributes.defaultIssuer });
}

/** True for a failure that lies in the object itself: trying again gives the same. */
export function isUnreadable(error: unknown): error is CairnError {
  return CairnError.is(error) && !error.retriable && !error.code.startsWith('internal.');
}
