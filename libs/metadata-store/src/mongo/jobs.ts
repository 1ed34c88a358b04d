import { randomUUID } from 'node:crypto';
import type { Scope } from '@cairn/core';
import type { ClaimedJob, JobStore, NewJob } from '../jobs.ts';
import type { Collections, StoredJob } from './collections.ts';
import { insertNew } from './derive-documents.ts';
import { idOf } from './keys.ts';

/** Gives the result of database work, its failures as errors of the port. */
export type Translated = <T>(work: () => Promise<T>) => Promise<T>;

/** Jobs in a collection: which of several workers gets one is decided by the server, in one update. */
export class MongoJobStore implements JobStore {
  readonly #jobs: Collections['jobs'];
  readonly #translated: Translated;

  constructor(jobs: Collections['jobs'], translated: Translated) {
    this.#jobs = jobs;
    this.#translated = translated;
  }

  put({ tenant }: Scope, { id, type, payload, dueMs }: NewJob): Promise<string> {
    const job: StoredJob = { _id: idOf(tenant, id), tenant, id, type, payload, due: dueMs, token: '' };
    return this.#translated(async () => {
      for (;;) {
        const [taken] = await insertNew(this.#jobs, [job]);
        if (taken === undefined) return payload;
        const kept = await this.#jobs.findOne({ _id: taken });
        // Finished in this moment: the id is free.
        if (kept !== null) return kept.payload;
      }
    });
  }

  claim({ tenant }: Scope, type: string, nowMs: number, leaseMs: number): Promise<ClaimedJob | undefined> {
    const token = randomUUID();
    const update = { $set: { due: nowMs + leaseMs, token } };
    return this.#translated(async () => {
      const found = await this.#jobs.findOneAndUpdate({ tenant, type, due: { $lte: nowMs } }, update, { sort: { due: 1 } });
      return found === null ? undefined : { id: found.id, type, payload: found.payload, token };
    });
  }

  reschedule({ tenant }: Scope, { id, token, payload }: ClaimedJob, dueMs: number): Promise<boolean> {
    const update = { $set: { due: dueMs, payload } };
    return this.#translated(async () => (await this.#jobs.updateOne({ _id: idOf(tenant, id), token }, update)).matchedCount > 0);
  }

  finish({ tenant }: Scope, { id, token }: ClaimedJob): Promise<boolean> {
    return this.#translated(async () => (await this.#jobs.deleteOne({ _id: idOf(tenant, id), token })).deletedCount > 0);
  }
}
