import type { Scope } from '@cairn/core';

/** Work to be done once, whatever becomes of the process that took it on. */
export interface Job {
  /** Unique in the tenant as long as the job is there. */
  id: string;
  /** What kind of work: who can do it claims by this. */
  type: string;
  /** What is to be done, at most a few MiB: text that only its worker understands. */
  payload: string;
}

/** A job to keep. */
export interface NewJob extends Job {
  /** When it is to be done at the earliest, in milliseconds since 1970. */
  dueMs: number;
}

/** A job in the hands of one worker until its lease ends. */
export interface ClaimedJob extends Job {
  /** Told apart from every other claim: what a worker does after it lost its lease has no effect. */
  token: string;
}

/**
 * Jobs with leases. They are no part of the index: they cannot be made anew from objects and journal, and a rebuild of the index
 * leaves them where they are. Times are milliseconds since 1970 by the caller's clock. Failure of the engine →
 * `metadata-store.unavailable` (retriable).
 */
export interface JobStore {
  /**
   * Keeps a job; durable, also against a power loss, when it resolves. Gives the payload that is kept: another one than the job's
   * where its id was taken, for then nothing changes. Of concurrent callers one is the first.
   */
  putJob(scope: Scope, job: NewJob): Promise<string>;

  /**
   * The job of this type that is due the longest, now leased for `leaseMs`; undefined when none is due. When the lease ends
   * before {@link JobStore.finishJob} or {@link JobStore.rescheduleJob} the job is due again. No two callers get the same one.
   */
  claimJob(scope: Scope, type: string, nowMs: number, leaseMs: number): Promise<ClaimedJob | undefined>;

  /** Makes a job due at another time and keeps the payload given: prolongs a lease, or gives it back. False when it was lost. */
  rescheduleJob(scope: Scope, job: ClaimedJob, dueMs: number): Promise<boolean>;

  /** Removes a job that is done; its id is free. False when its lease was lost. */
  finishJob(scope: Scope, job: ClaimedJob): Promise<boolean>;
}
