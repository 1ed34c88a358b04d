import type { CommitmentReport, FailedReference, InstanceReference } from '@cairn/archive';
import { CairnError } from '@cairn/core';
import type { DicomJson, DicomJsonElement, DicomJsonValue } from '@cairn/core';
import { decodeDataSet, encodeDataSet, isToleratedUid } from '@cairn/dicom';

/** The Storage Commitment Push Model and its one instance (PS3.4 §J.3). */
export const STORAGE_COMMITMENT = { sopClassUid: '1.2.840.10008.1.20.1', sopInstanceUid: '1.2.840.10008.1.20.1.1' } as const;

/** Action Type ID of a request (PS3.4 §J.3.2). */
export const REQUEST_ACTION = 1;

/** Event Type IDs of reports (PS3.4 §J.3.3). */
export const REPORT_EVENT = { allCommitted: 1, someFailed: 2 } as const;

const TAG = {
  retrieveAeTitle: '00080054',
  referencedSopClassUid: '00081150',
  referencedSopInstanceUid: '00081155',
  transactionUid: '00081195',
  failureReason: '00081197',
  failedSopSequence: '00081198',
  referencedSopSequence: '00081199',
} as const;

/** What an N-ACTION asks for; throws `query.missing-key` or `query.invalid-value` with the attribute, or a `dicom.*` error. */
export function decodeRequest(bytes: Uint8Array, transferSyntaxUid: string): { transactionUid: string; references: InstanceReference[] } {
  const action = decodeDataSet(bytes, transferSyntaxUid);
  const transactionUid = uidOf(action, TAG.transactionUid);
  const items = (action[TAG.referencedSopSequence]?.Value ?? []).filter(isItem);
  if (items.length === 0) throw missing(TAG.referencedSopSequence);
  const references = items.map((item) => ({
    sopClassUid: uidOf(item, TAG.referencedSopClassUid),
    sopInstanceUid: uidOf(item, TAG.referencedSopInstanceUid),
  }));
  return { transactionUid, references };
}

/** The data set of an N-EVENT-REPORT; `retrieveAet` is where the instances can be had. */
export function encodeReport(
  { transactionUid, committed, failed }: CommitmentReport,
  retrieveAet: string,
  transferSyntaxUid: string,
): Buffer {
  const report: Record<string, DicomJsonElement> = {
    [TAG.retrieveAeTitle]: { vr: 'AE', Value: [retrieveAet] },
    [TAG.transactionUid]: { vr: 'UI', Value: [transactionUid] },
    ...(failed.length === 0 ? {} : { [TAG.failedSopSequence]: { vr: 'SQ', Value: failed.map(failedItem) } }),
    ...(committed.length === 0 ? {} : { [TAG.referencedSopSequence]: { vr: 'SQ', Value: committed.map(referenceItem) } }),
  };
  return encodeDataSet(report, transferSyntaxUid);
}

function referenceItem({ sopClassUid, sopInstanceUid }: InstanceReference): DicomJson {
  return {
    [TAG.referencedSopClassUid]: { vr: 'UI', Value: [sopClassUid] },
    [TAG.referencedSopInstanceUid]: { vr: 'UI', Value: [sopInstanceUid] },
  };
}

function failedItem(failed: FailedReference): DicomJson {
  return { ...referenceItem(failed), [TAG.failureReason]: { vr: 'US', Value: [failed.reason] } };
}

function uidOf(item: DicomJson, attribute: string): string {
  const value = item[attribute]?.Value?.[0];
  if (value === undefined || value === null || value === '') throw missing(attribute);
  if (typeof value === 'string' && isToleratedUid(value)) return value;
  throw new CairnError('query.invalid-value', 'An attribute of the request is no UID.', { details: { attribute } });
}

function missing(attribute: string): CairnError {
  return new CairnError('query.missing-key', 'The request lacks an attribute.', { details: { attribute } });
}

function isItem(value: DicomJsonValue): value is DicomJson {
  return typeof value === 'object' && value !== null;
}
