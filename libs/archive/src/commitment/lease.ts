import { CairnError } from '@cairn/core';
import type { Scope } from '@cairn/core';
import type { ClaimedJob, JobStore } from '@cairn/metadata-store';

/** Renewed so many times while it lasts: one answer that is late does not lose it. */
const RENEWALS = 3;

/** Keeps a job's lease while its worker works. */
export class Lease {
  readonly #lost = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #renewal: Promise<void> = Promise.resolve();

  constructor(
    jobs: Pick<JobStore, 'rescheduleJob'>,
    scope: Scope,
    job: ClaimedJob,
    { leaseMs, now }: { leaseMs: number; now: () => number },
  ) {
    this.#timer = setInterval(() => {
      this.#renewal = this.#renewal.then(async () => {
        // An outage is no loss: the lease may outlast it, and else another worker does the same once more.
        if (!(await jobs.rescheduleJob(scope, job, now() + leaseMs).catch(() => true))) this.#lose();
      });
    }, leaseMs / RENEWALS);
  }

  /** Aborts when another worker has the job now. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Ends the renewals; none is under way when it resolves. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewal;
  }

  #lose(): void {
    this.#lost.abort(new CairnError('archive.busy', 'Another worker has taken the job over.', { retriable: true }));
  }
}
