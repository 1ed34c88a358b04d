import type { Scope } from '@cairn/core';
import type {
  ConflictDocument,
  InstanceDocument,
  InstanceReceipt,
  InstanceVersion,
  PatientDocument,
  SeriesDocument,
  StudyDocument,
} from './documents.ts';
import type { JobStore } from './jobs.ts';
import type { QueryPage, QueryPlan } from './query.ts';

/** What a receipt did to the index. */
export interface ReceiptOutcome {
  ulid: string;
  /**
   * `new`: first content of this instance. `redelivered`: this ULID was known. `duplicate`: a content already held; the
   * object of the greater receipt may be collected. `same-elements`: another encoding of a known content. `new-version`:
   * other content under a known UID.
   */
  outcome: 'new' | 'redelivered' | 'duplicate' | 'same-elements' | 'new-version';
  /** Conflicts that this receipt made (not those known before). */
  conflicts: readonly ConflictDocument[];
  /** Version numbers after the change, for the change feed: each grows with every change of its aggregate. */
  studyVersion: number;
  instanceVersion: number;
}

/** Which instances: those of a study, a series, or one. */
export interface InstanceSelector {
  studyInstanceUid: string;
  seriesInstanceUid?: string;
  sopInstanceUid?: string;
}

/** An instance's current version with what a retrieve needs. */
export interface RetrievableInstance {
  studyInstanceUid: string;
  seriesInstanceUid: string;
  sopInstanceUid: string;
  version: InstanceVersion;
  /** JSON texts of {@link InstanceReceipt}, only where asked for. */
  header?: string;
  bulk?: string;
  pixels?: string;
}

/** Which texts a read of instances brings along. */
export interface InstanceParts {
  header?: boolean;
  bulk?: boolean;
  pixels?: boolean;
}

/** A fact of the journal as the index applies it; every one carries its own ULID and is applied once. */
export type JournalFact =
  /** A duplicate's object was removed after the kept one had been read back and verified. */
  | {
      type: 'duplicate-collected';
      ulid: string;
      instance: Required<InstanceSelector>;
      sha256DataSet: string;
      transferSyntaxUid: string;
      receipt: string;
      source: InstanceVersion['source'];
    }
  /** A conflict was resolved by hand. */
  | { type: 'conflict-resolved'; ulid: string; conflictId: string; action: string }
  /** A version was made the current one by hand: until another one is received later, or made it. */
  | { type: 'version-preferred'; ulid: string; instance: Required<InstanceSelector>; sha256DataSet: string; transferSyntaxUid: string };

/** One document of the index in a form to compare: live against rebuilt. */
export type IndexDocument =
  | { collection: 'patients'; document: PatientDocument }
  | { collection: 'studies'; document: StudyDocument }
  | { collection: 'series'; document: SeriesDocument }
  | { collection: 'instances'; document: InstanceDocument }
  | { collection: 'conflicts'; document: ConflictDocument };

/** What an adapter can do that others cannot. */
export interface MetadataStoreSupports {
  /** Contains-matching on names is answered from an index at any size. */
  indexedContains: boolean;
}

/**
 * The index. Everything in it can be rebuilt from landing objects and journal: the same set of receipts and facts gives equal
 * documents whatever their order and however often they are applied. Jobs lie beside it. Failure of the engine → `metadata-store.unavailable` (retriable).
 */
export interface MetadataStore extends JobStore {
  readonly supports: MetadataStoreSupports;

  /**
   * Adds receipts, all or none; outcomes in their order. When it resolves they outlive the death of the process; after a power
   * loss the index stands as at some earlier moment, marks and all. A known ULID changes nothing; concurrent calls are taken one
   * after the other.
   */
  recordReceipts(scope: Scope, receipts: readonly InstanceReceipt[]): Promise<readonly ReceiptOutcome[]>;

  /** Applies journal facts, all or none; a fact with a known ULID changes nothing, one about an unknown party waits for it. */
  applyFacts(scope: Scope, facts: readonly JournalFact[]): Promise<void>;

  /** Which of these receipts the index holds, or knows as collected duplicates. */
  knownReceipts(scope: Scope, ulids: readonly string[]): Promise<ReadonlySet<string>>;

  /**
   * One page of matches. A cursor that is not one of the plan's level → `query.invalid-paging`. On abort it rejects with the
   * signal's reason. Pages by cursor neither repeat nor miss a row that was there all the time.
   */
  query(scope: Scope, plan: QueryPlan, signal?: AbortSignal): Promise<QueryPage>;

  /** Instances in the order of series number, instance number, UID. Nothing for an unknown selector. Reads in bounded pages. */
  instances(scope: Scope, selector: InstanceSelector, parts: InstanceParts, signal?: AbortSignal): AsyncIterable<RetrievableInstance>;

  /** The instance with all its versions; undefined when unknown. */
  instance(scope: Scope, selector: Required<InstanceSelector>): Promise<InstanceDocument | undefined>;

  /** The study's counts; undefined when unknown. */
  study(scope: Scope, studyInstanceUid: string): Promise<StudyDocument | undefined>;

  /** The series with its counts; undefined when unknown. */
  series(scope: Scope, studyInstanceUid: string, seriesInstanceUid: string): Promise<SeriesDocument | undefined>;

  /** The reconciliation list, oldest first, unresolved only unless `all`; 100 by default, after the conflict with the id `after`. */
  conflicts(scope: Scope, options?: { all?: boolean; limit?: number; after?: string }): Promise<readonly ConflictDocument[]>;

  /** Duplicate receipts whose objects still exist, with the location that is kept. Oldest first. */
  duplicates(
    scope: Scope,
    limit: number,
  ): Promise<
    readonly {
      instance: Required<InstanceSelector>;
      version: InstanceVersion;
      duplicate: { ulid: string; location: InstanceVersion['location'] };
    }[]
  >;

  /** A durable named text such as the reconciler's watermark; undefined when never set. */
  getMark(scope: Scope, name: string): Promise<string | undefined>;
  setMark(scope: Scope, name: string, value: string): Promise<void>;

  /** Tenants that have at least one study. */
  tenants(scope: Scope): Promise<readonly string[]>;

  /** Every document of the tenant, ordered by collection and key. */
  exportDocuments(scope: Scope): AsyncIterable<IndexDocument>;

  /**
   * Removes every document, fact and mark of the tenant: the first step of a rebuild. Jobs stay, for nothing could make them anew.
   * Nothing happens for an unknown tenant.
   */
  clear(scope: Scope): Promise<void>;

  /** Throws `metadata-store.unavailable` when the store does not answer. */
  check(scope: Scope): Promise<void>;

  close(): Promise<void>;
}
