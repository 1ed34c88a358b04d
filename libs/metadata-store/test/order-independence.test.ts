import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DicomJson, Scope } from '@cairn/core';
import { systemScope } from '@cairn/core';
import type { IndexDocument, InstanceReceipt, JournalFact } from '@cairn/metadata-store';
import { aReceipt, collect, json, ulidOf } from '@cairn/metadata-store/contract';
import { SqliteMetadataStore } from '@cairn/metadata-store/sqlite';
import { makeTempDir } from '@cairn/testing';
import type { TempDir } from '@cairn/testing';
import fc from 'fast-check';

const PET = '1.2.840.10008.5.1.4.1.1.128';
/** Hundreds of transactions: a busy machine needs its time. */
const TIMEOUT_MS = 60_000;
const JPEG_LS = '1.2.840.10008.1.2.4.80';

/** Receipts that disagree in every way that the index has a rule for. */
const RECEIPTS: readonly InstanceReceipt[] = [
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

type Step = { receipt: InstanceReceipt } | { fact: JournalFact };
const STEPS: readonly Step[] = [...RECEIPTS.map((receipt) => ({ receipt })), ...FACTS.map((fact) => ({ fact }))];

describe('the index', () => {
  const scope = systemScope('default');
  let folder: TempDir;
  let store: SqliteMetadataStore;
  let expected: unknown;

  beforeAll(async () => {
    folder = await makeTempDir();
    store = await SqliteMetadataStore.open({ file: `${folder.path}/index.db` });
    expected = await indexAfter(STEPS.map((step) => [step]));
  });

  afterAll(async () => {
    await store.close();
    await folder.remove();
  });

  it(
    'is the same after any order, repetition and batching of receipts and facts (case 112)',
    async () => {
      const repeated = fc.array(fc.constantFrom(...STEPS), { maxLength: 8 });
      const order = repeated.chain((again) => fc.shuffledSubarray([...STEPS, ...again], { minLength: STEPS.length + again.length }));
      const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 30, maxLength: 30 });
      await fc.assert(
        fc.asyncProperty(order, sizes, async (steps, batchSizes) => {
          expect(await indexAfter(inBatches(steps, batchSizes))).toEqual(expected);
        }),
        { numRuns: 40 },
      );
    },
    TIMEOUT_MS,
  );

  it(
    'counts what a recount counts (case 117)',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.shuffledSubarray([...STEPS], { minLength: 1 }), fc.integer({ min: 1, max: 9 }), async (steps, size) => {
          await indexAfter(
            inBatches(
              steps,
              Array.from(steps, () => size),
            ),
          );
          const documents = await collect(store.exportDocuments(scope));
          expect(countsIn(documents)).toEqual(recount(documents));
        }),
        { numRuns: 25 },
      );
    },
    TIMEOUT_MS,
  );

  async function indexAfter(batches: readonly (readonly Step[])[]): Promise<unknown> {
    await store.clear(scope);
    for (const batch of batches) {
      await store.recordReceipts(
        scope,
        batch.flatMap((step) => ('receipt' in step ? [step.receipt] : [])),
      );
      await store.applyFacts(
        scope,
        batch.flatMap((step) => ('fact' in step ? [step.fact] : [])),
      );
    }
    return await everythingOf(store, scope);
  }
});

/** Documents, texts, the order of studies and what searches find. */
async function everythingOf(store: SqliteMetadataStore, scope: Scope): Promise<unknown> {
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

function inBatches(steps: readonly Step[], sizes: readonly number[]): Step[][] {
  const batches: Step[][] = [];
  for (let at = 0; at < steps.length; at += sizes[batches.length - 1]!) batches.push(steps.slice(at, at + (sizes[batches.length] ?? 1)));
  return batches;
}

interface Counts {
  [key: string]: unknown;
}

/** The counts that patients, studies and series tell. */
function countsIn(documents: readonly IndexDocument[]): Counts {
  const counts: Counts = {};
  for (const entry of documents) {
    if (entry.collection === 'patients') {
      const { patientKey, numberOfStudies, numberOfSeries, numberOfInstances } = entry.document;
      counts[`patient ${patientKey}`] = [numberOfStudies, numberOfSeries, numberOfInstances];
    }
    if (entry.collection === 'studies') {
      const { studyInstanceUid, numberOfSeries, numberOfInstances, sizeBytes, modalities, sopClasses } = entry.document;
      counts[`study ${studyInstanceUid}`] = [numberOfSeries, numberOfInstances, sizeBytes, modalities, sopClasses];
    }
    if (entry.collection === 'series') {
      const { studyInstanceUid, seriesInstanceUid, numberOfInstances, sizeBytes } = entry.document;
      counts[`series ${studyInstanceUid} ${seriesInstanceUid}`] = [numberOfInstances, sizeBytes];
    }
  }
  return counts;
}

/** The same counts, from instances alone. */
function recount(documents: readonly IndexDocument[]): Counts {
  const instances = documents.flatMap((entry) => (entry.collection === 'instances' ? [entry.document] : []));
  const series = documents.flatMap((entry) => (entry.collection === 'series' ? [entry.document] : []));
  const studies = documents.flatMap((entry) => (entry.collection === 'studies' ? [entry.document] : []));
  const counts: Counts = {};
  const sizeOf = (some: typeof instances): number => some.reduce((sum, { versions }) => sum + versions.at(-1)!.sizeBytes, 0);
  const seriesKeys = new Set(instances.map(({ studyInstanceUid, seriesInstanceUid }) => `${studyInstanceUid} ${seriesInstanceUid}`));
  for (const key of seriesKeys) {
    const own = instances.filter(({ studyInstanceUid, seriesInstanceUid }) => `${studyInstanceUid} ${seriesInstanceUid}` === key);
    counts[`series ${key}`] = [own.length, sizeOf(own)];
  }
  for (const study of new Set(instances.map(({ studyInstanceUid }) => studyInstanceUid))) {
    const own = instances.filter(({ studyInstanceUid }) => studyInstanceUid === study);
    const modalities = series.filter((one) => one.studyInstanceUid === study).map(({ attributes }) => valueOf(attributes, '00080060'));
    counts[`study ${study}`] = [
      new Set(own.map(({ seriesInstanceUid }) => seriesInstanceUid)).size,
      own.length,
      sizeOf(own),
      [...new Set(modalities)].toSorted(compareTexts),
      [...new Set(own.map(({ sopClassUid }) => sopClassUid))].toSorted(compareTexts),
    ];
  }
  for (const patient of new Set(studies.map(({ patientKey }) => patientKey))) {
    const own = new Set(studies.filter(({ patientKey }) => patientKey === patient).map(({ studyInstanceUid }) => studyInstanceUid));
    const seriesOfPatient = [...seriesKeys].filter((key) => own.has(key.split(' ')[0]!));
    counts[`patient ${patient}`] = [
      own.size,
      seriesOfPatient.length,
      instances.filter(({ studyInstanceUid }) => own.has(studyInstanceUid)).length,
    ];
  }
  return counts;
}

function valueOf(attributes: DicomJson, tag: string): string {
  const value = attributes[tag]?.Value?.[0];
  return typeof value === 'string' ? value : '';
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : 1;
}
