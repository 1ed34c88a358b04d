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
export { ArchiveRetriever } from './retrieve/archive-retriever.ts';
