import type { DicomJson, DicomJsonElement } from '@cairn/core';

/** An instance that a STOW-RS request stored. */
export interface StoredReference {
  studyInstanceUid: string;
  seriesInstanceUid: string;
  sopInstanceUid: string;
  sopClassUid: string;
}

/** An instance that a STOW-RS request did not store; UIDs as far as they were found. */
export interface FailedReference {
  sopClassUid?: string;
  sopInstanceUid?: string;
  /** Failure Reason (0008,1197). */
  reason: number;
}

/** What became of a STOW-RS request. */
export interface StoreAnswer {
  /** 200 all stored, 202 some, 409 none. */
  status: 200 | 202 | 409;
  /** The Store Instances Response (PS3.18 Table 10.5.3-2). */
  body: DicomJson;
}

/** Builds the answer; `base` is the public base URL of the services. Empty sequences are left out. */
export function storeAnswer(base: string, stored: readonly StoredReference[], failed: readonly FailedReference[]): StoreAnswer {
  const studies = new Set(stored.map(({ studyInstanceUid }) => studyInstanceUid));
  const body: DicomJson = {};
  // One URL can name one study only; instances of several each carry their own below.
  const [study] = studies.size === 1 ? studies : [];
  if (study !== undefined) body['00081190'] = element('UR', `${base}/studies/${study}`);
  if (failed.length > 0) body['00081198'] = { vr: 'SQ', Value: failed.map((reference) => failedItem(reference)) };
  if (stored.length > 0) body['00081199'] = { vr: 'SQ', Value: stored.map((reference) => storedItem(base, reference)) };
  if (stored.length === 0) return { status: 409, body };
  return { status: failed.length === 0 ? 200 : 202, body };
}

function storedItem(base: string, { studyInstanceUid, seriesInstanceUid, sopInstanceUid, sopClassUid }: StoredReference): DicomJson {
  return {
    '00081150': element('UI', sopClassUid),
    '00081155': element('UI', sopInstanceUid),
    '00081190': element('UR', `${base}/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`),
  };
}

function failedItem({ sopClassUid, sopInstanceUid, reason }: FailedReference): DicomJson {
  return {
    ...(sopClassUid === undefined ? {} : { '00081150': element('UI', sopClassUid) }),
    ...(sopInstanceUid === undefined ? {} : { '00081155': element('UI', sopInstanceUid) }),
    '00081197': element('US', reason),
  };
}

function element(vr: string, value: string | number): DicomJsonElement {
  return { vr, Value: [value] };
}
