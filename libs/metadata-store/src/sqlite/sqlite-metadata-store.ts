import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CairnError } from '@cairn/core';
import type { Scope } from '@cairn/core';
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
import { readPage } from './query/page-text.ts';
import { WorkerClient } from './worker-client.ts';
import type { DuplicateReceipt, Page } from './worker-protocol.ts';

/** Where the index lies. */
export interface SqliteMetadataStoreOptions {
  /** Path of the database file; it and its folder are made when missing. Jobs lie beside it, in `jobs.sqlite`. */
  file: string;
}

/**
 * The embedded index: one SQLite file in WAL mode, written by one worker thread and read by another, so that neither the event
 * loop nor a query waits for a write. One process at a time may hold it open.
 *
 * @example
 * const store = await SqliteMetadataStore.open({ file: './data/index.db' });
 * await store.recordReceipts(systemScope('default'), receipts);
 */
export class SqliteMetadataStore implements MetadataStore {
  readonly supports: MetadataStoreSupports = { indexedContains: true };
  readonly #writer: WorkerClient;
  readonly #reader: WorkerClient;

  private constructor(writer: WorkerClient, reader: WorkerClient) {
    this.#writer = writer;
    this.#reader = reader;
  }

  /** Opens or makes the file; `metadata-store.unavailable` when it cannot be opened or was written with other tables. */
  static async open({ file }: SqliteMetadataStoreOptions): Promise<SqliteMetadataStore> {
    try {
      await mkdir(dirname(file), { recursive: true });
    } catch (cause) {
      throw new CairnError('metadata-store.unavailable', 'The folder of the index cannot be made.', { cause });
    }
    const writer = await WorkerClient.start({ file, role: 'writer' });
    try {
      return new SqliteMetadataStore(writer, await WorkerClient.start({ file, role: 'reader' }));
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  recordReceipts(scope: Scope, receipts: readonly InstanceReceipt[]): Promise<readonly ReceiptOutcome[]> {
    return this.#writer.call('recordReceipts', scope, [receipts]);
  }

  applyFacts(scope: Scope, facts: readonly JournalFact[]): Promise<void> {
    return this.#writer.call('applyFacts', scope, [facts]);
  }

  async knownReceipts(scope: Scope, ulids: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(await this.#reader.call('knownReceipts', scope, [ulids]));
  }

  async query(scope: Scope, plan: QueryPlan, signal?: AbortSignal): Promise<QueryPage> {
    return readPage(await this.#reader.call('query', scope, [plan], signal));
  }

  instances(scope: Scope, selector: InstanceSelector, parts: InstanceParts, signal?: AbortSignal): AsyncIterable<RetrievableInstance> {
    return readAhead((after) => this.#reader.call('instances', scope, [selector, parts, after], signal));
  }

  instance(scope: Scope, selector: Required<InstanceSelector>): Promise<InstanceDocument | undefined> {
    return this.#reader.call('instance', scope, [selector]);
  }

  study(scope: Scope, studyInstanceUid: string): Promise<StudyDocument | undefined> {
    return this.#reader.call('study', scope, [studyInstanceUid]);
  }

  series(scope: Scope, studyInstanceUid: string, seriesInstanceUid: string): Promise<SeriesDocument | undefined> {
    return this.#reader.call('series', scope, [studyInstanceUid, seriesInstanceUid]);
  }

  conflicts(scope: Scope, options: { all?: boolean; limit?: number; after?: string } = {}): Promise<readonly ConflictDocument[]> {
    return this.#reader.call('conflicts', scope, [options]);
  }

  duplicates(scope: Scope, limit: number): Promise<readonly DuplicateReceipt[]> {
    return this.#reader.call('duplicates', scope, [limit]);
  }

  getMark(scope: Scope, name: string): Promise<string | undefined> {
    return this.#reader.call('getMark', scope, [name]);
  }

  setMark(scope: Scope, name: string, value: string): Promise<void> {
    return this.#writer.call('setMark', scope, [name, value]);
  }

  tenants(scope: Scope): Promise<readonly string[]> {
    return this.#reader.call('tenants', scope, []);
  }

  exportDocuments(scope: Scope): AsyncIterable<IndexDocument> {
    return readAhead((after) => this.#reader.call('exportDocuments', scope, [after]));
  }

  putJob(scope: Scope, job: NewJob): Promise<string> {
    return this.#writer.call('putJob', scope, [job]);
  }

  claimJob(scope: Scope, type: string, nowMs: number, leaseMs: number): Promise<ClaimedJob | undefined> {
    return this.#writer.call('claimJob', scope, [type, nowMs, leaseMs]);
  }

  rescheduleJob(scope: Scope, job: ClaimedJob, dueMs: number): Promise<boolean> {
    return this.#writer.call('rescheduleJob', scope, [job, dueMs]);
  }

  finishJob(scope: Scope, job: ClaimedJob): Promise<boolean> {
    return this.#writer.call('finishJob', scope, [job]);
  }

  clear(scope: Scope): Promise<void> {
    return this.#writer.call('clear', scope, []);
  }

  async check(scope: Scope): Promise<void> {
    await Promise.all([this.#writer.call('check', scope, []), this.#reader.call('check', scope, [])]);
  }

  async close(): Promise<void> {
    await this.#reader.close();
    await this.#writer.close();
  }
}

/** Gives the items of pages; the next page is read while one is consumed. */
async function* readAhead<T>(read: (after: string | undefined) => Promise<Page<T>>): AsyncGenerator<T> {
  let page: Page<T> | undefined = await read(undefined);
  while (page !== undefined) {
    const following: Promise<Page<T>> | undefined = page.next === undefined ? undefined : read(page.next);
    // Awaited below; a consumer that stops early must not leave an unhandled rejection.
    following?.catch(() => undefined);
    yield* page.items;
    page = await following;
  }
}
