import { INGEST_TOPIC, INSTANCE_TOPIC, STUDY_TOPIC } from '@cairn/archive';
import { TOPICS } from '@cairn/composition';
import { INDEXES } from '@cairn/metadata-store/mongo';
import { Metrics } from '@cairn/telemetry';
import { code, table } from '../table.mjs';

const ABOUT_TOPICS = {
  [INGEST_TOPIC]: [
    'gateway, ingest, reconciler',
    'a receipt: ids, digests, header, frame table. Holds patient data: never open it to others',
    '`indexer`',
  ],
  [STUDY_TOPIC]: ['indexer', 'the change feed of studies: ids, versions, counts', 'whoever follows the archive'],
  [INSTANCE_TOPIC]: ['indexer', 'the change feed of instances: ids, versions, digests', 'whoever follows the archive'],
};

const ABOUT_COLLECTIONS = {
  patients: 'what studies say of a patient, with counts',
  studies: 'what QIDO-RS and C-FIND answer of a study, search fields, counts',
  series: 'the same of a series',
  instances: 'receipts and facts of an instance, and what follows from them: versions, place, size',
  receiptTexts: 'header, bulk table and frame table of a receipt, compressed',
  claims: 'who says what of an identity; the reconciliation list',
  resolutions: 'what was decided on a conflict by hand',
  marks: "named texts: the reconciler's watermark",
  jobs: 'work that outlives a process: storage commitments. Not part of the index: a rebuild keeps it',
};

const METRICS = await new Metrics().describe();

/** Every topic with who writes and reads it. */
export function topics() {
  return table(
    ['Topic', 'Written by', 'Holds', 'Read by group'],
    TOPICS.map((name) => [code(name), ...about(ABOUT_TOPICS, name)]),
  );
}

/** Every collection of the index with its indexes and the query behind each. */
export function collections() {
  const rows = Object.entries(INDEXES).flatMap(([name, indexes]) => [
    [code(name), about(ABOUT_COLLECTIONS, name), '`_id`: identity; tenant as a range'],
    ...indexes.map(({ keys, query }) => ['', '', `${code(Object.keys(keys).join(', '))}: ${query}`]),
  ]);
  return table(['Collection', 'Holds', 'Index: its query'], rows);
}

/** Every metric of the archive's own. */
export function metrics() {
  return table(
    ['Metric', 'Kind', 'Labels', 'What it tells'],
    METRICS.map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(', '), help]),
  );
}

function about(texts, name) {
  if (!Object.hasOwn(texts, name)) throw new Error(`The operations reference says nothing of ${name}.`);
  return texts[name];
}
