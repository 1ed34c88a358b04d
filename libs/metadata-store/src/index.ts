export type {
  ConflictDocument,
  InstanceDocument,
  InstanceReceipt,
  InstanceVersion,
  ObjectLocation,
  PatientDocument,
  ReceiptRecord,
  ReceiptSource,
  SeriesDocument,
  StudyDocument,
} from './documents.ts';
export type { AttributePath, QueryClause, QueryLevel, QueryPage, QueryPlan, QueryRow } from './query.ts';
export type {
  IndexDocument,
  InstanceParts,
  InstanceSelector,
  JournalFact,
  MetadataStore,
  MetadataStoreSupports,
  ReceiptOutcome,
  RetrievableInstance,
} from './metadata-store.ts';
export type { ClaimedJob, Job, JobStore, NewJob } from './jobs.ts';
export { fold, foldName } from './fold.ts';
export { levelOfAttribute } from './levels.ts';
export { dateNumber, dateTimeNumber, timeNumber } from './temporal.ts';
