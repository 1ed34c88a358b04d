import { deepEqual, equal } from 'node:assert/strict';
import { systemScope } from '@cairn/core';
import type { Scope } from '@cairn/core';
import type { ClaimedJob } from './jobs.ts';
import type { MetadataStore } from './metadata-store.ts';

/** One case of the contract about jobs; each has a type of its own, because jobs outlive a clear of the index. */
export interface JobCase {
  name: string;
  run: (jobs: MetadataStore, scope: Scope) => Promise<void>;
}

const LEASE_MS = 10;

/** Every case of the contract about jobs. */
export const JOB_CASES: readonly JobCase[] = [
  {
    name: 'gives jobs of a type when they are due, the longest due first',
    run: async (jobs, scope) => {
      await put(jobs, scope, 'order', { id: 'b', dueMs: 200 });
      await put(jobs, scope, 'order', { id: 'a', dueMs: 100 });
      equal(await jobs.claimJob(scope, 'order', 99, LEASE_MS), undefined);
      equal(await jobs.claimJob(scope, 'another', 300, LEASE_MS), undefined);
      const { token: _, ...first } = await claimed(jobs, scope, 'order', 300);
      deepEqual(first, { id: 'order a', type: 'order', payload: 'a' });
      equal((await claimed(jobs, scope, 'order', 300)).payload, 'b');
      equal(await jobs.claimJob(scope, 'order', 300, LEASE_MS), undefined);
    },
  },
  {
    name: 'keeps the first of two jobs with one id, and gives its payload',
    run: async (jobs, scope) => {
      equal(await put(jobs, scope, 'twice', { payload: 'first' }), 'first');
      equal(await put(jobs, scope, 'twice', { payload: 'second' }), 'first');
      equal((await claimed(jobs, scope, 'twice', 1)).payload, 'first');
      equal(await jobs.claimJob(scope, 'twice', 1, LEASE_MS), undefined);
    },
  },
  {
    name: 'gives one of concurrent callers a job, and one of concurrent puts the id',
    run: async (jobs, scope) => {
      const kept = await Promise.all(['a', 'b', 'c'].map((payload) => put(jobs, scope, 'race', { payload })));
      equal(new Set(kept).size, 1);
      const claims = await Promise.all([1, 2, 3, 4, 5].map(() => jobs.claimJob(scope, 'race', 1, LEASE_MS)));
      equal(claims.filter((job) => job !== undefined).length, 1);
    },
  },
  {
    name: 'gives the job of a worker that died to another when its lease ends, and does not hear the first any more (case 128)',
    run: async (jobs, scope) => {
      await put(jobs, scope, 'lease');
      const dead = await claimed(jobs, scope, 'lease', 100);
      equal(await jobs.claimJob(scope, 'lease', 109, LEASE_MS), undefined);
      const heir = await claimed(jobs, scope, 'lease', 110);
      equal(heir.id, dead.id);
      equal(await jobs.rescheduleJob(scope, dead, 0), false);
      equal(await jobs.finishJob(scope, dead), false);
      equal(await jobs.finishJob(scope, heir), true);
    },
  },
  {
    name: 'prolongs the lease of a job, and takes it back with what was done of it',
    run: async (jobs, scope) => {
      await put(jobs, scope, 'again');
      const job = await claimed(jobs, scope, 'again', 100);
      equal(await jobs.rescheduleJob(scope, job, 150), true);
      equal(await jobs.claimJob(scope, 'again', 149, LEASE_MS), undefined);
      equal(await jobs.rescheduleJob(scope, { ...job, payload: 'half done' }, 120), true);
      equal((await claimed(jobs, scope, 'again', 120)).payload, 'half done');
    },
  },
  {
    name: 'forgets a finished job and frees its id',
    run: async (jobs, scope) => {
      await put(jobs, scope, 'done');
      const job = await claimed(jobs, scope, 'done', 1);
      equal(await jobs.finishJob(scope, job), true);
      equal(await jobs.finishJob(scope, job), false);
      equal(await put(jobs, scope, 'done', { payload: 'anew' }), 'anew');
      equal(await jobs.finishJob(scope, job), false);
      equal((await claimed(jobs, scope, 'done', 1)).payload, 'anew');
    },
  },
  {
    name: 'keeps the jobs of tenants apart, and over a clear of the index',
    run: async (jobs, scope) => {
      const other = systemScope('with-jobs');
      await put(jobs, scope, 'apart', { payload: 'of the one' });
      equal(await put(jobs, other, 'apart', { payload: 'of the other' }), 'of the other');
      await jobs.clear(scope);
      equal((await claimed(jobs, scope, 'apart', 1)).payload, 'of the one');
      equal((await claimed(jobs, other, 'apart', 1)).payload, 'of the other');
    },
  },
];

function put(
  jobs: MetadataStore,
  scope: Scope,
  type: string,
  job: { id?: string; payload?: string; dueMs?: number } = {},
): Promise<string> {
  const { id = '', payload = id, dueMs = 0 } = job;
  return jobs.putJob(scope, { id: `${type} ${id}`, type, payload, dueMs });
}

async function claimed(jobs: MetadataStore, scope: Scope, type: string, nowMs: number): Promise<ClaimedJob> {
  const job = await jobs.claimJob(scope, type, nowMs, LEASE_MS);
  if (job === undefined) throw new Error('No job is due.');
  return job;
}
