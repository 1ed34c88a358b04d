import { expect, it } from '@jest/globals';
import { systemScope } from '@cairn/core';
import type { ClaimedJob, JobStore } from './jobs.ts';
import type { MetadataStore } from './metadata-store.ts';

const one = systemScope('one');
const two = systemScope('two');

/** What every {@link JobStore} must do; each case has a type of its own. */
export function describeJobs(store: () => MetadataStore): void {
  describeKeeping(store);
  describeLeases(store);
}

function describeKeeping(store: () => MetadataStore): void {
  const { put, claimed } = shorthands(store);

  it('gives jobs of a type when they are due, the longest due first', async () => {
    await put('order-b', 'order', 200);
    await put('order-a', 'order', 100);
    expect(await store().claimJob(one, 'order', 99, 10)).toBeUndefined();
    expect(await store().claimJob(one, 'another', 300, 10)).toBeUndefined();
    expect(await claimed('order', 300)).toMatchObject({ id: 'order-a', type: 'order', payload: 'order-a' });
    expect((await claimed('order', 300)).id).toBe('order-b');
    expect(await store().claimJob(one, 'order', 300, 10)).toBeUndefined();
  });

  it('keeps the first of two jobs with one id, and gives its payload', async () => {
    expect(await put('twice', 'twice', 0, 'first')).toBe('first');
    expect(await put('twice', 'twice', 0, 'second')).toBe('first');
    expect((await claimed('twice', 1)).payload).toBe('first');
    expect(await store().claimJob(one, 'twice', 1, 10)).toBeUndefined();
  });

  it('gives one of concurrent callers a job, and one of concurrent puts the id', async () => {
    const kept = await Promise.all(['a', 'b', 'c'].map((payload) => put('race', 'race', 0, payload)));
    expect(new Set(kept).size).toBe(1);
    const claims = await Promise.all([1, 2, 3, 4, 5].map(() => store().claimJob(one, 'race', 1, 10)));
    expect(claims.filter((job) => job !== undefined)).toHaveLength(1);
  });

  it('keeps the jobs of tenants apart, and over a clear of the index', async () => {
    await put('apart', 'apart', 0, 'of one');
    expect(await store().putJob(two, { id: 'apart', type: 'apart', payload: 'of two', dueMs: 0 })).toBe('of two');
    await store().clear(one);
    expect((await claimed('apart', 1)).payload).toBe('of one');
    expect((await store().claimJob(two, 'apart', 1, 10))?.payload).toBe('of two');
  });
}

function describeLeases(store: () => MetadataStore): void {
  const { put, claimed } = shorthands(store);

  it('gives the job of a worker that died to another when its lease ends', async () => {
    await put('lease', 'lease');
    const dead = await claimed('lease', 100);
    expect(await store().claimJob(one, 'lease', 109, 10)).toBeUndefined();
    const heir = await claimed('lease', 110);
    expect(heir).toMatchObject({ id: 'lease', payload: 'lease' });
    expect(await store().rescheduleJob(one, dead, 0)).toBe(false);
    expect(await store().finishJob(one, dead)).toBe(false);
    expect(await store().finishJob(one, heir)).toBe(true);
  });

  it('prolongs a lease, and gives a job back with what was done of it', async () => {
    await put('again', 'again');
    const job = await claimed('again', 100);
    expect(await store().rescheduleJob(one, job, 150)).toBe(true);
    expect(await store().claimJob(one, 'again', 149, 10)).toBeUndefined();
    expect(await store().rescheduleJob(one, { ...job, payload: 'half done' }, 120)).toBe(true);
    expect((await claimed('again', 120)).payload).toBe('half done');
  });

  it('forgets a finished job and frees its id', async () => {
    await put('done', 'done');
    const job = await claimed('done', 1);
    expect(await store().finishJob(one, job)).toBe(true);
    expect(await store().finishJob(one, job)).toBe(false);
    expect(await put('done', 'done', 0, 'anew')).toBe('anew');
    expect(await store().finishJob(one, job)).toBe(false);
    expect((await claimed('done', 1)).payload).toBe('anew');
  });
}

/** Calls of the store in tenant `one`. */
function shorthands(store: () => JobStore): {
  put: (id: string, type: string, dueMs?: number, payload?: string) => Promise<string>;
  claimed: (type: string, nowMs: number) => Promise<ClaimedJob>;
} {
  return {
    put: (id, type, dueMs = 0, payload = id) => store().putJob(one, { id, type, payload, dueMs }),
    claimed: async (type, nowMs) => {
      const job = await store().claimJob(one, type, nowMs, 10);
      if (job === undefined) throw new Error('No job is due.');
      return job;
    },
  };
}
