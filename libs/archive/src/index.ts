export type { InstanceReceiver, ReceiveOutcome, ReceiveRequest, StoredInstance } from './ingest/ingest.ts';
export type { AttributeQuery, QueryAnswer, QueryAnswers, QueryEngine, QueryKey } from './query/attribute-query.ts';
export type {
  InstanceRetriever,
  OpenManyOptions,
  OpenedInstance,
  OutgoingBulkData,
  OutgoingBytes,
  OutgoingFrames,
  OutgoingInstance,
  WantedSyntax,
} from './retrieve/retrieve.ts';
export { QueryPlanner } from './query/query-planner.ts';
export type { QueryPlannerConfig } from './query/query-planner.ts';
export { ArchiveRetriever } from './retrieve/archive-retriever.ts';
export { IngestPipeline } from './ingest/ingest-pipeline.ts';
export type { IngestObserver, IngestOptions, IngestPorts } from './ingest/ingest-pipeline.ts';
export { INGEST_TOPIC, INSTANCE_RECEIVED } from './ingest/receipt-codec.ts';
export { INSTANCE_TOPIC, STUDY_TOPIC } from './indexing/change-feed.ts';
export type { InstanceChanged, StudyChanged } from './indexing/change-feed.ts';
export { Indexer } from './indexing/indexer.ts';
export type { IndexObserver, IndexerPorts } from './indexing/indexer.ts';
export { LandingReconciler } from './indexing/landing-reconciler.ts';
export type { ReconcileReport, ReconcilerOptions, ReconcilerPorts } from './indexing/landing-reconciler.ts';
export { DuplicateCollector } from './indexing/duplicate-collector.ts';
export type { CollectReport, CollectorOptions, CollectorPorts } from './indexing/duplicate-collector.ts';
export { rebuildIndex } from './indexing/rebuild-index.ts';
export type { RebuildOptions, RebuildProgress } from './indexing/rebuild-index.ts';
export { JournalWriter } from './journal/journal-writer.ts';
export type { JournalPorts, NewFact } from './journal/journal-writer.ts';
export { preferVersion, resolveConflict } from './journal/decisions.ts';
export type { DecisionPorts, VersionContent } from './journal/decisions.ts';
export { Commitments } from './commitment/commitments.ts';
export type { CommitmentOptions, CommitmentPorts } from './commitment/commitments.ts';
export { FAILURE_REASON } from './commitment/commitment.ts';
export type {
  CommitmentReport,
  CommitmentRequest,
  CommitmentService,
  FailedReference,
  InstanceReference,
  SendReport,
} from './commitment/commitment.ts';
