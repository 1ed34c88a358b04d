import type { Scope } from '@cairn/core';
import type { InstanceReceipt, JournalFact, MetadataStore } from '@cairn/metadata-store';
import { aReceipt, collect, json, ulidOf } from '@cairn/metadata-store/contract';

const PET = '1.2.840.10008.5.1.4.1.1.128';
const JPEG_LS = '1.2.840.10008.1.2.4.80';

/** Receipts that disagree in every way that the index has a rule for. */
export const RECEIPTS: readonly InstanceReceipt[] = [
  aReceipt(10, { sop: '9.1' }),
  aReceipt(11, { sop: '9.1', attributes: { '00081030': json('LO', 'as sent again') } }),
  aReceipt(12, { sop: '9.1', content: 'changed', sizeBytes: 70, attributes: { '00100010': json('PN', { Alphabetic: 'Roe^Jane' }) } }),
  aReceipt(13, {
    sop: '9.1',
    content: 'changed',
    sizeBytes: 70,
    defaultIssuer: 'OTHER',
    attributes: { '00100010': json('PN', { Alphabetic: 'Roe^Jane' }) },
  }),
  aReceipt(14, { sop: '9.1', content: '9.1', elements: '9.1', transferSyntaxUid: JPEG_LS, sizeBytes: 300 }),
  aReceipt(15, { sop: '9.2', sopClassUid: PET, attributes: { '00080060': json('CS', 'PT'), '00080020': json('DA', '20230505') } }),
  aReceipt(16, { sop: '9.2', content: 'other class', attributes: { '00080060': json('CS', 'PT'), '00200011': undefined } }),
  aReceipt(17, { sop: '9.3', series: '1.2.1.2', attributes: { '00080060': json('CS', 'SR'), '00080020': json('DA', '19990101') } }),
  aReceipt(18, { sop: '9.1', series: '1.2.1.2', content: 'elsewhere in the study' }),
  aReceipt(19, { sop: '9.1', study: '1.2.2', series: '1.2.1.2', content: 'elsewhere', attributes: { '00100021': json('LO', 'ISSUER') } }),
  aReceipt(20, { sop: '9.5', study: '1.2.2', defaultIssuer: 'DEFAULT', attributes: { '00100030': json('DA', '19710101') } }),
  aReceipt(21, { sop: '9.6', study: '1.2.3', attributes: { '00100020': undefined, '00080020': undefined } }),
  aReceipt(22, { sop: '9.7', study: '1.2.3', defaultIssuer: 'DEFAULT', attributes: { '00200013': undefined } }),
];

const FACTS: readonly JournalFact[] = [
  collected(60, RECEIPTS[1]!),
  collected(61, RECEIPTS[3]!),
  // The smallest receipt is never collected; a journal that says so all the same must not make the order matter.
  collected(62, RECEIPTS[0]!),
  // Nor one that is known from its fact alone and smaller than all of its content.
  collected(68, { ...RECEIPTS[2]!, ulid: ulidOf(5) }),
  // About an instance that never came.
  collected(63, aReceipt(50, { sop: '9.99' })),
  preferred(64, RECEIPTS[0]!),
  preferred(65, RECEIPTS[2]!),
  preferred(66, RECEIPTS[15 - 10]!),
  { type: 'conflict-resolved', ulid: ulidOf(67), conflictId: 'unknown', action: 'accepted' },
];

/** One thing that an index takes in. */
export type Step = { receipt: InstanceReceipt } | { fact: JournalFact };
/** All receipts and facts. */
export const STEPS: readonly Step[] = [...RECEIPTS.map((receipt) => ({ receipt })), ...FACTS.map((fact) => ({ fact }))];

/** Documents, texts, the order of studies and what searches find. */
export async function everythingOf(store: MetadataStore, scope: Scope) {
  const documents = await collect(store.exportDocuments(scope));
  const texts: unknown[] = [];
  for (const study of ['1.2.1', '1.2.2', '1.2.3']) {
    for await (const instance of store.instances(scope, { studyInstanceUid: study }, { header: true, bulk: true })) texts.push(instance);
  }
  const plan = { level: 'study', limit: 10, offset: 0, withHeader: true, withPatient: true } as const;
  const all = await store.query(scope, { ...plan, clauses: [] });
  const doe = await store.query(scope, {
    ...plan,
    clauses: [{ kind: 'personName', path: ['00100010'], patterns: ['*doe*'], fuzzy: false }],
  });
  const duplicates = await store.duplicates(scope, 100);
  return { documents, texts, all, doe, duplicates };
}

function collected(number: number, receipt: InstanceReceipt): JournalFact {
  const { ulid, source, sha256DataSet, transferSyntaxUid } = receipt;
  return {
    type: 'duplicate-collected',
    ulid: ulidOf(number),
    instance: uidsOf(receipt),
    sha256DataSet,
    transferSyntaxUid,
    receipt: ulid,
    source,
  };
}

function preferred(number: number, receipt: InstanceReceipt): JournalFact {
  const { sha256DataSet, transferSyntaxUid } = receipt;
  return { type: 'version-preferred', ulid: ulidOf(number), instance: uidsOf(receipt), sha256DataSet, transferSyntaxUid };
}

function uidsOf({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }: InstanceReceipt) {
  return { studyInstanceUid, seriesInstanceUid, sopInstanceUid };
}

/** Steps parted into batches. */
export function inBatches(steps: readonly Step[], sizes: readonly number[]): Step[][] {
  const batches: Step[][] = [];
  for (let at = 0; at < steps.length; at += sizes[batches.length - 1]!) batches.push(steps.slice(at, at + (sizes[batches.length] ?? 1)));
  return batches;
}
