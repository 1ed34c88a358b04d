import { createHash } from 'node:crypto';
import type { DicomJson } from '@cairn/core';
import { compareTexts, patientKeyOf } from './derive.ts';
import type { ConflictDocument, InstanceDocument, ReceiptRecord } from './documents.ts';
import { fold, foldName } from './fold.ts';
import { firstText } from './values.ts';

/** What one receipt says about something that must be the same everywhere: all claims of one `group` should be equal. */
export interface Claim {
  kind: ConflictDocument['kind'];
  group: string;
  claim: string;
  /** The smallest receipt that says so. */
  ulid: string;
  studyInstanceUid: string;
  seriesInstanceUid?: string;
  sopInstanceUid?: string;
}

/** The claims of a receipt about its patient, its study and its series. */
export function identityClaims(record: ReceiptRecord, header: DicomJson): readonly Claim[] {
  const { ulid, studyInstanceUid, seriesInstanceUid } = record;
  const patientKey = patientKeyOf(header, studyInstanceUid, record.defaultIssuer);
  return [
    { kind: 'patient-identity', group: `patient|${patientKey}`, claim: demographicsOf(header), ulid, studyInstanceUid },
    { kind: 'patient-identity', group: `study|${studyInstanceUid}`, claim: patientKey, ulid, studyInstanceUid },
    {
      kind: 'instance-elsewhere',
      group: `series|${seriesInstanceUid}`,
      claim: studyInstanceUid,
      ulid,
      studyInstanceUid,
      seriesInstanceUid,
    },
  ];
}

/** The claims of an instance's versions about its content: encodings of equal elements make the same claim. */
export function contentClaims({ versions, ...instance }: InstanceDocument): readonly Claim[] {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = instance;
  const group = `content|${studyInstanceUid}|${seriesInstanceUid}|${sopInstanceUid}`;
  const smallest = new Map<string, string>();
  for (const version of versions) {
    const claim = version.sha256Elements;
    const known = smallest.get(claim);
    if (known === undefined || version.ulid < known) smallest.set(claim, version.ulid);
  }
  return [...smallest].map(([claim, ulid]) => ({
    kind: 'content',
    group,
    claim,
    ulid,
    studyInstanceUid,
    seriesInstanceUid,
    sopInstanceUid,
  }));
}

/** The claim of an instance about where its SOP Instance UID belongs. */
export function placeClaim({ studyInstanceUid, seriesInstanceUid, sopInstanceUid, versions }: InstanceDocument): Claim {
  const ulid = versions.map((version) => version.ulid).toSorted(compareTexts)[0]!;
  const claim = `${studyInstanceUid}|${seriesInstanceUid}`;
  return { kind: 'instance-elsewhere', group: `sop|${sopInstanceUid}`, claim, ulid, studyInstanceUid, seriesInstanceUid, sopInstanceUid };
}

/** One conflict for every claim of a group but the earliest; none when all agree. Depends on the set of claims alone. */
export function conflictsOf(claims: readonly Claim[]): readonly ConflictDocument[] {
  const [earliest, ...others] = claims.toSorted((a, b) => compareTexts(a.ulid, b.ulid));
  if (earliest === undefined) return [];
  return others.map(({ kind, group, claim, ulid, studyInstanceUid, seriesInstanceUid, sopInstanceUid }) => ({
    id: createHash('sha256').update(`${kind}\n${group}\n${claim}`).digest('hex').slice(0, 32),
    kind,
    studyInstanceUid,
    ...(seriesInstanceUid === undefined ? {} : { seriesInstanceUid }),
    ...(sopInstanceUid === undefined ? {} : { sopInstanceUid }),
    receipts: [earliest.ulid, ulid],
  }));
}

/** Name, birth date and sex as they are compared: case, diacritics and trailing delimiters do not count. */
function demographicsOf(header: DicomJson): string {
  const name = firstText(header, '00100010').split('=').map(foldName).join('=');
  return `${name}|${firstText(header, '00100030')}|${fold(firstText(header, '00100040'))}`;
}
