import { CairnError } from '@cairn/core';
import type { Scope } from '@cairn/core';
import mongoose from 'mongoose';
import type { ConflictDocument, InstanceDocument, InstanceReceipt, SeriesDocument, StudyDocument } from '../documents.ts';
import type {
  IndexDocument,
  InstanceParts,
  InstanceSelector,
  JournalFact,
  MetadataStore,
  MetadataStoreSupports,
  ReceiptOutcome,
  RetrievableInstance,
} from '../metadata-store.ts';
import type { ClaimedJob, NewJob } from '../jobs.ts';
import type { QueryPage, QueryPlan } from '../query.ts';
import { openCollections } from './open-collections.ts';
import type { Collections } from './collections.ts';
import { instanceDocumentOf } from './instances.ts';
import { claimJob, finishJob, putJob, rescheduleJob } from './jobs.ts';
import { idOf, ofTenant } from './keys.ts';
import { runQuery } from './query/run-query.ts';
import { FrequencyTables } from './query/token-frequencies.ts';
import {
  readConflicts,
  readDuplicates,
  readExport,
  readInstances,
  readKnownReceipts,
  readTenants,
  seriesDocumentOf,
  studyDocumentOf,
} from './read-documents.ts';
import { applyFacts, recordReceipts } from './write-receipts.ts';

/** Where the index lies. */
export interface MongoMetadataStoreOptions {
  /** Connection string of a replica set. */
  uri: string;
  /** Name of the database; default `cairn`. */
  database?: string;
  /** Milliseconds until a call fails because no server answers; default 10,000. */
  serverSelectionTimeoutMs?: number;
  /** Milliseconds until a call that a server has taken is lost because the server, or the way to it, is silent; default 60,000. */
  socketTimeoutMs?: number;
}

/**
 * The distributed index, on MongoDB. Any number of processes write at the same time: every write is idempotent and commutes, or
 * is refused because a newer one came before. Reads and writes go to the primary, writes to the journals of a majority.
 *
 * @example
 * const store = await MongoMetadataStore.open({ uri: 'mongodb://127.0.0.1:27017/?replicaSet=rs0' });
 * await store.recordReceipts(systemScope('default'), receipts);
 */
export class MongoMetadataStore implements MetadataStore {
  readonly supports: MetadataStoreSupports = { indexedContains: true };
  readonly #connection: mongoose.Connection;
  readonly #collections: Collections;
  readonly #frequencies: FrequencyTables;

  private constructor(connection: mongoose.Connection, collections: Collections) {
    this.#connection = connection;
    this.#collections = collections;
    this.#frequencies = new FrequencyTables(collections.studies);
  }

  /** Connects and makes missing indexes; `metadata-store.unavailable` when no server answers. */
  static async open({
    uri,
    database = 'cairn',
    serverSelectionTimeoutMs = 10_000,
    socketTimeoutMs = 60_000,
  }: MongoMetadataStoreOptions): Promise<MongoMetadataStore> {
    const connection = mongoose.createConnection(uri, {
      dbName: database,
      serverSelectionTimeoutMS: serverSelectionTimeoutMs,
      connectTimeoutMS: serverSelectionTimeoutMs,
      socketTimeoutMS: socketTimeoutMs,
      writeConcern: { w: 'majority', journal: true },
      readConcern: { level: 'majority' },
      retryWrites: true,
      ignoreUndefined: true,
      autoIndex: false,
    });
    try {
      return await translated(async () => new MongoMetadataStore(connection, await openCollections(await connection.asPromise())));
    } catch (error) {
      await connection.close().catch(() => undefined);
      throw error;
    }
  }

  recordReceipts(scope: Scope, receipts: readonly InstanceReceipt[]): Promise<readonly ReceiptOutcome[]> {
    return translated(() => recordReceipts(this.#collections, scope.tenant, receipts));
  }

  applyFacts(scope: Scope, facts: readonly JournalFact[]): Promise<void> {
    return translated(() => applyFacts(this.#collections, scope.tenant, facts));
  }

  knownReceipts(scope: Scope, ulids: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#read(scope, new Set(), () => readKnownReceipts(this.#collections, scope.tenant, ulids));
  }

  query(scope: Scope, plan: QueryPlan, signal?: AbortSignal): Promise<QueryPage> {
    return translated(() => runQuery(this.#collections, this.#frequencies, isVisible(scope) ? scope.tenant : undefined, plan, signal));
  }

  async *instances(
    scope: Scope,
    selector: InstanceSelector,
    parts: InstanceParts,
    signal?: AbortSignal,
  ): AsyncGenerator<RetrievableInstance> {
    signal?.throwIfAborted();
    if (isVisible(scope)) yield* translatedItems(readInstances(this.#collections, scope.tenant, selector, parts, signal));
  }

  instance(scope: Scope, selector: Required<InstanceSelector>): Promise<InstanceDocument | undefined> {
    const _id = idOf(scope.tenant, selector.studyInstanceUid, selector.seriesInstanceUid, selector.sopInstanceUid);
    return this.#read(scope, undefined, async () => {
      const stored = await this.#collections.instances.findOne({ _id });
      return stored === null ? undefined : instanceDocumentOf(stored);
    });
  }

  study(scope: Scope, studyInstanceUid: string): Promise<StudyDocument | undefined> {
    return this.#read(scope, undefined, async () => {
      const stored = await this.#collections.studies.findOne({ _id: idOf(scope.tenant, studyInstanceUid) }, { projection: { tokens: 0 } });
      return stored === null ? undefined : studyDocumentOf(stored);
    });
  }

  series(scope: Scope, studyInstanceUid: string, seriesInstanceUid: string): Promise<SeriesDocument | undefined> {
    return this.#read(scope, undefined, async () => {
      const stored = await this.#collections.series.findOne({ _id: idOf(scope.tenant, studyInstanceUid, seriesInstanceUid) });
      return stored === null ? undefined : seriesDocumentOf(stored);
    });
  }

  conflicts(scope: Scope, options: { all?: boolean; limit?: number; after?: string } = {}): Promise<readonly ConflictDocument[]> {
    return this.#read(scope, [], () => readConflicts(this.#collections, scope.tenant, options));
  }

  duplicates(scope: Scope, limit: number): ReturnType<MetadataStore['duplicates']> {
    return this.#read(scope, [], () => readDuplicates(this.#collections, scope.tenant, limit));
  }

  getMark(scope: Scope, name: string): Promise<string | undefined> {
    return this.#read(scope, undefined, async () => (await this.#collections.marks.findOne({ _id: idOf(scope.tenant, name) }))?.value);
  }

  async setMark(scope: Scope, name: string, value: string): Promise<void> {
    const { marks } = this.#collections;
    await translated(() => marks.updateOne({ _id: idOf(scope.tenant, name) }, { $set: { value } }, { upsert: true }));
  }

  tenants(_scope: Scope): Promise<readonly string[]> {
    return translated(() => readTenants(this.#collections));
  }

  async *exportDocuments(scope: Scope): AsyncGenerator<IndexDocument> {
    if (isVisible(scope)) yield* translatedItems(readExport(this.#collections, scope.tenant));
  }

  putJob({ tenant }: Scope, job: NewJob): Promise<string> {
    return translated(() => putJob(this.#collections.jobs, tenant, job));
  }

  claimJob({ tenant }: Scope, type: string, nowMs: number, leaseMs: number): Promise<ClaimedJob | undefined> {
    return translated(() => claimJob(this.#collections.jobs, tenant, { type, nowMs, leaseMs }));
  }

  rescheduleJob({ tenant }: Scope, job: ClaimedJob, dueMs: number): Promise<boolean> {
    return translated(() => rescheduleJob(this.#collections.jobs, tenant, job, dueMs));
  }

  finishJob({ tenant }: Scope, job: ClaimedJob): Promise<boolean> {
    return translated(() => finishJob(this.#collections.jobs, tenant, job));
  }

  /** Other processes must not write meanwhile: what they add may stay. */
  async clear(scope: Scope): Promise<void> {
    const filter = { _id: ofTenant(scope.tenant) };
    const { patients, studies, series, instances, receiptTexts, claims, resolutions, marks } = this.#collections;
    const all = [instances, series, studies, patients, receiptTexts, claims, resolutions, marks];
    await translated(() => Promise.all(all.map((collection) => collection.deleteMany(filter))));
  }

  async check(_scope: Scope): Promise<void> {
    await translated(() => this.#collections.marks.findOne({ _id: '' }));
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  #read<T>(scope: Scope, nothing: T, work: () => Promise<T>): Promise<T> {
    return isVisible(scope) ? translated(work) : Promise.resolve(nothing);
  }
}

/** No study carries a label yet, so who may see only labelled ones sees none. */
function isVisible({ labels }: Scope): boolean {
  return labels === undefined;
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translation(error);
  }
}

async function* translatedItems<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (error) {
    throw translation(error);
  }
}

function translation(error: unknown): unknown {
  if (error instanceof SyntaxError) return new CairnError('internal.unexpected', 'A header is not JSON.', { cause: error });
  if (error instanceof mongoose.mongo.MongoError || error instanceof mongoose.Error || isOfSocket(error))
    return new CairnError('metadata-store.unavailable', 'The database does not answer as it should.', { cause: error, retriable: true });
  return error;
}

/** The driver leaves a failed write to a socket that was full as the system told it. */
function isOfSocket(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'syscall' in error;
}
