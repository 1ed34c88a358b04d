import { CairnError } from '@cairn/core';
import type { ScanResult } from './scan-result.ts';
import { MEDIA_STORAGE_DIRECTORY } from './tables/sop-classes.ts';
import { isToleratedUid } from './tables/uid.ts';

/** The UIDs that place an instance. */
export interface InstanceIdentifiers {
  studyInstanceUid: string;
  seriesInstanceUid: string;
  sopInstanceUid: string;
  sopClassUid: string;
}

/**
 * The identifiers of an instance to be stored. Throws `dicom.not-storable` for a DICOMDIR, `dicom.missing-identifier`, and
 * `dicom.invalid-identifier` for anything but digits and dots of at most 64 characters. Leading zeros in components are let
 * through: devices send them (PS3.5 §9.1 forbids them).
 */
export function requireIdentifiers(result: ScanResult): InstanceIdentifiers {
  const classes = [result.meta['00020002']?.Value?.[0], result.header['00080016']?.Value?.[0]];
  if (classes.includes(MEDIA_STORAGE_DIRECTORY)) throw new CairnError('dicom.not-storable', 'A DICOMDIR is not stored as an instance.');
  return {
    sopClassUid: requireUid(result, '00080016', 'SOP Class UID'),
    sopInstanceUid: requireUid(result, '00080018', 'SOP Instance UID'),
    studyInstanceUid: requireUid(result, '0020000D', 'Study Instance UID'),
    seriesInstanceUid: requireUid(result, '0020000E', 'Series Instance UID'),
  };
}

function requireUid(result: ScanResult, tag: string, name: string): string {
  const element = result.header[tag];
  const uid = element?.Value?.[0];
  if (uid === undefined || uid === null) {
    if (element?.BulkDataURI !== undefined) throw new CairnError('dicom.invalid-identifier', `${name} is too long.`, { details: { tag } });
    throw new CairnError('dicom.missing-identifier', `${name} is missing.`, { details: { tag } });
  }
  if (typeof uid !== 'string' || !isToleratedUid(uid) || element?.Value?.length !== 1) {
    throw new CairnError('dicom.invalid-identifier', `${name} is not a UID.`, { details: { tag } });
  }
  return uid;
}
