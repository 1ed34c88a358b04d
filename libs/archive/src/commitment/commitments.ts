import { createHash } from 'node:crypto';
import { CairnError, silentLogger } from '@cairn/core';
import type { Logger, Scope } from '@cairn/core';
import type { ClaimedJob, JobStore, MetadataStore } from '@cairn/metadata-store';
import type { ObjectReader } from '../retrieve/stored-bytes.ts';
import { FAILURE_REASON } from './commitment.ts';
import type { CommitmentReport, CommitmentRequest, CommitmentService, FailedReference, SendReport } from './commitment.ts';
import { InstanceVerifier } from './instance-verifier.ts';
import { Lease } from './lease.ts';

/** Type of the jobs. */
const JOB_TYPE = 'storage-commitment';
const DAY_MS = 86_400_000;
const SHORTEST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 900_000;

/** What {@link Commitments} work on. */
export interface CommitmentPorts {
  objectStore: ObjectReader;
  metadataStore: Pick<MetadataStore, 'query' | 'instances' | 'instance' | keyof JobStore>;
  logger?: Logger;
}

/** Settings of {@link Commitments}; times in milliseconds. */
export interface CommitmentOptions {
  /** How long instances that the index does not know are waited for: they may have been acknowledged moments ago. Default 60 s. */
  indexWaitMs?: number;
  /** How long a requestor that does not take its report is tried. Default 24 h. */
  giveUpMs?: number;
  /** After which time without a sign of life another process takes a request over. Default 15 s. */
  leaseMs?: number;
  /** Milliseconds since 1970; for tests. */
  now?: () => number;
}

/** A request as it is kept. */
interface Transaction {
  request: CommitmentRequest;
  requestedMs: number;
  /** Set once the instances are verified: later attempts only report. */
  failed?: readonly FailedReference[];
}

/**
 * Requests for storage commitment as jobs of the metadata store. Each attempt that fails is followed by a pause of half the
 * request's age, within half a second and a quarter of an hour; waiting for the index ends when its time is over.
 */
export class Commitments implements CommitmentService {
  readonly #jobs: JobStore;
  readonly #verifier: InstanceVerifier;
  readonly #logger: Logger;
  readonly #indexWaitMs: number;
  readonly #giveUpMs: number;
  readonly #leaseMs: number;
  readonly #now: () => number;

  constructor(ports: CommitmentPorts, options: CommitmentOptions = {}) {
    this.#jobs = ports.metadataStore;
    this.#verifier = new InstanceVerifier(ports);
    this.#logger = ports.logger ?? silentLogger;
    this.#indexWaitMs = options.indexWaitMs ?? 60_000;
    this.#giveUpMs = options.giveUpMs ?? DAY_MS;
    this.#leaseMs = options.leaseMs ?? 15_000;
    this.#now = options.now ?? Date.now;
  }

  async request(scope: Scope, request: CommitmentRequest): Promise<void> {
    const kept = await this.#keep(scope, request.transactionUid, { request, requestedMs: this.#now() });
    if (digestOf(kept.request) === digestOf(request)) return;
    this.#logger.warn({ transactionUid: request.transactionUid }, 'commitment.transaction-uid-in-use');
    const failed = request.references.map((reference) => ({ ...reference, reason: FAILURE_REASON.duplicateTransactionUid }));
    await this.#keep(scope, `${request.transactionUid} ${digestOf(request)}`, { request, requestedMs: this.#now(), failed });
  }

  async handleNext(scope: Scope, send: SendReport, signal: AbortSignal): Promise<boolean> {
    const job = await this.#jobs.claimJob(scope, JOB_TYPE, this.#now(), this.#leaseMs);
    if (job === undefined) return false;
    const transaction = JSON.parse(job.payload) as Transaction;
    const lease = new Lease(this.#jobs, scope, job, { leaseMs: this.#leaseMs, now: this.#now });
    const dueMs = await this.#attempt(scope, { job, transaction, send, signal: AbortSignal.any([signal, lease.lost]) });
    await lease.end();
    if (dueMs === undefined) await this.#jobs.finishJob(scope, job);
    else await this.#jobs.rescheduleJob(scope, { ...job, payload: JSON.stringify(transaction) }, dueMs);
    return true;
  }

  async #keep(scope: Scope, id: string, transaction: Transaction): Promise<Transaction> {
    const job = { id, type: JOB_TYPE, payload: JSON.stringify(transaction), dueMs: transaction.requestedMs };
    return JSON.parse(await this.#jobs.putJob(scope, job)) as Transaction;
  }

  /** One attempt; gives when the next one is due, undefined when the request is done with. */
  async #attempt(
    scope: Scope,
    { job, transaction, send, signal }: { job: ClaimedJob; transaction: Transaction; send: SendReport; signal: AbortSignal },
  ): Promise<number | undefined> {
    const { request, requestedMs } = transaction;
    const fields = { transactionUid: request.transactionUid, requestorAet: request.requestorAet };
    try {
      const failed = transaction.failed ?? (await this.#verify(scope, transaction, signal));
      if (failed === undefined) return Math.min(this.#later(requestedMs), requestedMs + this.#indexWaitMs);
      transaction.failed = failed;
      await send(reportOf(request, failed), signal);
      this.#logger.info({ ...fields, instances: request.references.length, failed: failed.length }, 'commitment.reported');
      return undefined;
    } catch (error) {
      if (signal.aborted) return this.#now();
      const code = CairnError.is(error) ? error.code : 'internal.unexpected';
      const givenUp = this.#now() - requestedMs >= this.#giveUpMs;
      if (givenUp) this.#logger.error({ ...fields, job: job.id, code, error }, 'commitment.given-up');
      else this.#logger.warn({ ...fields, code, error }, 'commitment.attempt-failed');
      return givenUp ? undefined : this.#later(requestedMs);
    }
  }

  /** The instances that cannot be committed; undefined while some may still be on their way to the index. */
  async #verify(scope: Scope, { request, requestedMs }: Transaction, signal: AbortSignal): Promise<readonly FailedReference[] | undefined> {
    const uids = [...new Set(request.references.map(({ sopInstanceUid }) => sopInstanceUid))];
    const mayWait = this.#now() - requestedMs < this.#indexWaitMs;
    const found = await this.#verifier.find(scope, uids, signal);
    if (found.size < uids.length && mayWait) return undefined;
    const failed: FailedReference[] = [];
    for (const reference of request.references) {
      const reason = await this.#verifier.failureOf(scope, reference, found.get(reference.sopInstanceUid) ?? [], signal);
      if (reason !== undefined) failed.push({ ...reference, reason });
    }
    return failed;
  }

  #later(requestedMs: number): number {
    const now = this.#now();
    return now + Math.min(Math.max(Math.round((now - requestedMs) / 2), SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS);
  }
}

function reportOf({ transactionUid, requestorAet, references }: CommitmentRequest, failed: readonly FailedReference[]): CommitmentReport {
  const keys = new Set(failed.map(keyOf));
  return { transactionUid, requestorAet, committed: references.filter((reference) => !keys.has(keyOf(reference))), failed };
}

function keyOf({ sopClassUid, sopInstanceUid }: { sopClassUid: string; sopInstanceUid: string }): string {
  return `${sopClassUid} ${sopInstanceUid}`;
}

function digestOf({ transactionUid, requestorAet, references }: CommitmentRequest): string {
  const text = JSON.stringify([transactionUid, requestorAet, references.map(keyOf)]);
  return createHash('sha256').update(text).digest('hex');
}
