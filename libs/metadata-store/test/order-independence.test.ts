import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DicomJson } from '@cairn/core';
import { systemScope } from '@cairn/core';
import type { IndexDocument } from '@cairn/metadata-store';
import { collect } from '@cairn/metadata-store/contract';
import { SqliteMetadataStore } from '@cairn/metadata-store/sqlite';
import { makeTempDir } from '@cairn/testing';
import type { TempDir } from '@cairn/testing';
import fc from 'fast-check';
import { STEPS, everythingOf, inBatches } from './disagreement.ts';
import type { Step } from './disagreement.ts';

/** Hundreds of transactions: a busy machine needs its time. */
const TIMEOUT_MS = 60_000;
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
