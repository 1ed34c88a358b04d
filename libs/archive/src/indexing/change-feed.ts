import type { OutgoingEvent } from '@cairn/event-bus';
import type { InstanceReceipt, ReceiptOutcome } from '@cairn/metadata-store';

/** Topics of the change feed; the data's JSON Schemas lie in `schemas/` beside this library's sources. */
export const INSTANCE_TOPIC = 'dicom.instance.v1';
export const STUDY_TOPIC = 'dicom.study.v1';

/** Data of an event of {@link INSTANCE_TOPIC}: identifiers, versions, codes; no patient data. */
export interface InstanceChanged {
  studyInstanceUid: string;
  seriesInstanceUid: string;
  sopInstanceUid: string;
  sopClassUid: string;
  transferSyntaxUid: string;
  /** Grows with every change of the instance: apply an event only if it is newer than the one applied. */
  version: number;
  /** Receipt that caused the change. */
  receipt: string;
  outcome: ReceiptOutcome['outcome'];
  /** Contradictions that the receipt brought up, for the reconciliation list. */
  conflicts: readonly { id: string; kind: string }[];
}

/** Data of an event of {@link STUDY_TOPIC}. */
export interface StudyChanged {
  studyInstanceUid: string;
  /** Grows with every change of the study. */
  version: number;
  /** Receipts applied since the event before. */
  receipts: number;
}

/** A receipt and what it did to the index. */
export interface IndexedReceipt {
  receipt: InstanceReceipt;
  outcome: ReceiptOutcome;
}

/** One event per receipt: CloudEvents 1.0 in binary mode, the bus's fields being `id`, `type` and key. */
export function instanceEvents(tenant: string, indexed: readonly IndexedReceipt[]): OutgoingEvent[] {
  return indexed.map(({ receipt, outcome }) => {
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid, sopClassUid, transferSyntaxUid, ulid } = receipt;
    const data: InstanceChanged = {
      studyInstanceUid,
      seriesInstanceUid,
      sopInstanceUid,
      sopClassUid,
      transferSyntaxUid,
      version: outcome.instanceVersion,
      receipt: ulid,
      outcome: outcome.outcome,
      conflicts: outcome.conflicts.map(({ id, kind }) => ({ id, kind })),
    };
    return {
      id: `${tenant}|${studyInstanceUid}|${seriesInstanceUid}|${sopInstanceUid}@${outcome.instanceVersion}`,
      key: `${tenant}|${studyInstanceUid}`,
      type: INSTANCE_TOPIC,
      data: JSON.stringify(data),
    };
  });
}

/** One event per study among the receipts, with the version that it has now. */
export function studyEvents(tenant: string, indexed: readonly IndexedReceipt[]): OutgoingEvent[] {
  const byStudy = Map.groupBy(indexed, ({ receipt }) => receipt.studyInstanceUid);
  return Array.from(byStudy, ([studyInstanceUid, ofStudy]) => {
    const version = Math.max(...ofStudy.map(({ outcome }) => outcome.studyVersion));
    const data: StudyChanged = { studyInstanceUid, version, receipts: ofStudy.length };
    const key = `${tenant}|${studyInstanceUid}`;
    return { id: `${key}@${version}`, key, type: STUDY_TOPIC, data: JSON.stringify(data) };
  });
}
