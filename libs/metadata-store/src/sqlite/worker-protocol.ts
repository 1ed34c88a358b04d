import type { ErrorCode, Scope } from '@cairn/core';
import type { ConflictDocument, InstanceDocument, InstanceReceipt, InstanceVersion, SeriesDocument, StudyDocument } from '../documents.ts';
import type {
  IndexDocument,
  InstanceParts,
  InstanceSelector,
  JournalFact,
  ReceiptOutcome,
  RetrievableInstance,
} from '../metadata-store.ts';
import type { ClaimedJob, NewJob } from '../jobs.ts';
import type { QueryPlan } from '../query.ts';

/** A duplicate receipt with the version that keeps its content. */
export interface DuplicateReceipt {
  instance: Required<InstanceSelector>;
  version: InstanceVersion;
  duplicate: { ulid: string; location: InstanceVersion['location'] };
}

/** A page of something that is read on with its cursor; no cursor: the end. */
export interface Page<T> {
  items: readonly T[];
  next?: string;
}

/** What the worker does, by name: the arguments and the result of each operation. */
export interface WorkerOperations {
  recordReceipts(receipts: readonly InstanceReceipt[]): readonly ReceiptOutcome[];
  applyFacts(facts: readonly JournalFact[]): void;
  setMark(name: string, value: string): void;
  clear(): void;
  putJob(job: NewJob): string;
  claimJob(type: string, nowMs: number, leaseMs: number): ClaimedJob | undefined;
  rescheduleJob(job: ClaimedJob, dueMs: number): boolean;
  finishJob(job: ClaimedJob): boolean;
  knownReceipts(ulids: readonly string[]): readonly string[];
  /** A page as JSON text for `readPage`: cheaper to hand over than its objects. */
  query(plan: QueryPlan): string;
  instances(selector: InstanceSelector, parts: InstanceParts, after?: string): Page<RetrievableInstance>;
  instance(selector: Required<InstanceSelector>): InstanceDocument | undefined;
  study(studyInstanceUid: string): StudyDocument | undefined;
  series(studyInstanceUid: string, seriesInstanceUid: string): SeriesDocument | undefined;
  conflicts(options: { all?: boolean; limit?: number; after?: string }): readonly ConflictDocument[];
  duplicates(limit: number): readonly DuplicateReceipt[];
  getMark(name: string): string | undefined;
  tenants(): readonly string[];
  exportDocuments(after?: string): Page<IndexDocument>;
  check(): void;
}

export type OperationName = keyof WorkerOperations;

/** A call of one operation. */
export interface WorkerCall<K extends OperationName> {
  id: number;
  operation: K;
  scope: Scope;
  args: Parameters<WorkerOperations[K]>;
}

/** What is sent to a worker: a call, or the abort of one. */
export type WorkerRequest = WorkerCall<OperationName> | { id: number; abort: true };

/** A worker's answer. */
export type WorkerResponse = { id: number; result: unknown } | { id: number; error: { code: ErrorCode; message: string } };

/** How a worker opens the file. */
export interface WorkerOptions {
  file: string;
  role: 'writer' | 'reader';
}
