import { randomUUID } from 'node:crypto';
import type { ClaimedJob, NewJob } from '../jobs.ts';
import type { Collections, StoredJob } from './collections.ts';
import { insertNew } from './derive-documents.ts';
import { idOf } from './keys.ts';

/** Keeps a job unless its id is taken; gives the payload that is kept. */
export async function putJob(jobs: Collections['jobs'], tenant: string, { id, type, payload, dueMs }: NewJob): Promise<string> {
  const job: StoredJob = { _id: idOf(tenant, id), tenant, id, type, payload, due: dueMs, token: '' };
  for (;;) {
    const [taken] = await insertNew(jobs, [job]);
    if (taken === undefined) return payload;
    const kept = await jobs.findOne({ _id: taken });
    // Finished in this moment: the id is free.
    if (kept !== null) return kept.payload;
  }
}

/** Which of several callers gets a job is decided by the server, in one update. */
export async function claimJob(
  jobs: Collections['jobs'],
  tenant: string,
  { type, nowMs, leaseMs }: { type: string; nowMs: number; leaseMs: number },
): Promise<ClaimedJob | undefined> {
  const token = randomUUID();
  const update = { $set: { due: nowMs + leaseMs, token } };
  const found = await jobs.findOneAndUpdate({ tenant, type, due: { $lte: nowMs } }, update, { sort: { due: 1 } });
  return found === null ? undefined : { id: found.id, type, payload: found.payload, token };
}

/** True unless another claim came in between. */
export async function rescheduleJob(
  jobs: Collections['jobs'],
  tenant: string,
  { id, token, payload }: ClaimedJob,
  dueMs: number,
): Promise<boolean> {
  const { matchedCount } = await jobs.updateOne({ _id: idOf(tenant, id), token }, { $set: { due: dueMs, payload } });
  return matchedCount > 0;
}

/** True unless another claim came in between. */
export async function finishJob(jobs: Collections['jobs'], tenant: string, { id, token }: ClaimedJob): Promise<boolean> {
  return (await jobs.deleteOne({ _id: idOf(tenant, id), token })).deletedCount > 0;
}
