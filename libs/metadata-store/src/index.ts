export type {
  ConflictDocument,
  InstanceDocument,
  InstanceReceipt,
  InstanceVersion,
  ObjectLocation,
  PatientDocument,
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
