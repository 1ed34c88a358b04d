import type { Collections } from './collections.ts';

/** An index and the query that needs it. */
export interface CollectionIndex {
  keys: Readonly<Record<string, 1>>;
  query: string;
}

/** Every index of every collection; `_id` answers by identity, and by tenant as a range. Source of docs/reference/operations.md. */
export const INDEXES: Readonly<Record<keyof Collections, readonly CollectionIndex[]>> = {
  patients: [
    { keys: { tenant: 1, order: 1 }, query: 'Patients in order' },
    { keys: { tenant: 1, patientId: 1, order: 1 }, query: 'Patients by Patient ID, whatever its issuer' },
    { keys: { tenant: 1, tokens: 1, order: 1 }, query: 'Patients by parts of their names' },
  ],
  studies: [
    { keys: { tenant: 1, order: 1 }, query: 'Studies in order, by date' },
    { keys: { tenant: 1, patientId: 1, order: 1 }, query: 'Studies by Patient ID' },
    { keys: { tenant: 1, accessionNumber: 1, order: 1 }, query: 'Studies by accession number' },
    { keys: { tenant: 1, tokens: 1, order: 1 }, query: 'Studies by parts of texts and by modality' },
    { keys: { patient: 1 }, query: 'Studies of a patient: its counts and representative' },
  ],
  series: [
    { keys: { study: 1, order: 1 }, query: 'Series of a study in order' },
    { keys: { uid: 1 }, query: 'Series by SeriesInstanceUID in any study' },
  ],
  instances: [
    { keys: { series: 1, order: 1 }, query: 'Instances of a series in order; its counts' },
    { keys: { sop: 1 }, query: 'Instances by SOPInstanceUID in any series: queries, conflicts' },
    { keys: { known: 1 }, query: 'Receipts that the index knows' },
    { keys: { firstDuplicate: 1 }, query: 'Duplicates to collect, oldest first' },
  ],
  receiptTexts: [],
  claims: [
    { keys: { group: 1 }, query: 'The claims of a group' },
    { keys: { tenant: 1, order: 1 }, query: 'The reconciliation list, oldest first' },
    { keys: { tenant: 1, conflict: 1 }, query: 'A conflict by its id' },
  ],
  resolutions: [],
  marks: [],
  jobs: [{ keys: { tenant: 1, type: 1, due: 1 }, query: 'The job of a type that is due the longest' }],
};
