import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CairnError, silentLogger } from '@cairn/core';
import { TINY, aStudy } from '@cairn/testing';
import type { PhantomInstance } from '@cairn/testing';
import { Commitments, FAILURE_REASON } from '../../src/index.ts';
import type { CommitmentOptions, CommitmentReport, CommitmentRequest, InstanceReference } from '../../src/index.ts';
import { anArchive, scope, store } from '../archive-fixture.ts';
import type { Archive } from '../archive-fixture.ts';

const MR = '1.2.840.10008.5.1.4.1.1.4';
const [first, second] = aStudy({ ...TINY, seed: 31, instances: 2 }).instances;
const unknown = { sopClassUid: first!.sopClassUid, sopInstanceUid: '2.25.404' };

describe('Commitments', () => {
  const signal = new AbortController().signal;
  let archive: Archive;
  let nowMs: number;
  let reports: CommitmentReport[];

  beforeEach(async () => {
    archive = await anArchive();
    nowMs = 1_000_000;
    reports = [];
  });

  afterEach(() => archive.close());

  const commitments = (options: CommitmentOptions = {}): Commitments => new Commitments(archive, { now: () => nowMs, ...options });
  const send = async (report: CommitmentReport): Promise<void> => {
    reports.push(await Promise.resolve(report));
  };
  const unreachable = (): Promise<void> => Promise.reject(new CairnError('dimse.timeout', 'Nobody there.', { retriable: true }));
  const ask = (references: readonly InstanceReference[], more: Partial<CommitmentRequest> = {}): Promise<void> =>
    commitments().request(scope, { transactionUid: '1.2.3', requestorAet: 'CT1', references, ...more });
  const next = (how = send, by = commitments()): Promise<boolean> => by.handleNext(scope, how, signal);

  async function hold(...instances: readonly PhantomInstance[]): Promise<string[]> {
    const ulids = [];
    for (const instance of instances) ulids.push((await store(archive.pipeline, instance.bytes())).ulid);
    await archive.startIndexer();
    await archive.settled();
    return ulids;
  }

  async function keyOf({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }: PhantomInstance): Promise<string> {
    const document = await archive.metadataStore.instance(scope, { studyInstanceUid, seriesInstanceUid, sopInstanceUid });
    return document!.versions.at(-1)!.location.key;
  }

  async function changeObject(instance: PhantomInstance, change: (bytes: Buffer) => Buffer): Promise<void> {
    const path = join(archive.folder, 'objects', await keyOf(instance));
    await writeFile(path, change(await readFile(path)));
  }

  it('reports instances that are kept as received, once', async () => {
    await hold(first!, second!);
    await ask([reference(first!), reference(second!)]);
    expect(await next()).toBe(true);
    expect(reports).toEqual([
      { transactionUid: '1.2.3', requestorAet: 'CT1', committed: [reference(first!), reference(second!)], failed: [] },
    ]);
    expect(await next()).toBe(false);
  });

  it.each([
    ['an object whose data set was changed', (bytes: Buffer) => flip(bytes, bytes.length - 1)],
    ['an object whose meta information was changed', (bytes: Buffer) => flip(bytes, 5)],
    ['an object that was cut short', (bytes: Buffer) => bytes.subarray(0, -2)],
  ])('case 22: does not commit %s', async (_, change) => {
    await hold(first!, second!);
    await changeObject(first!, change);
    await ask([reference(first!), reference(second!)]);
    await next();
    expect(reports).toMatchObject([
      { committed: [reference(second!)], failed: [{ ...reference(first!), reason: FAILURE_REASON.processingFailure }] },
    ]);
  });

  it('case 22: does not commit on the word of the index alone, when the object is missing', async () => {
    await hold(first!);
    await archive.objectStore.delete(scope, await keyOf(first!));
    await ask([reference(first!)]);
    await next();
    expect(reports).toMatchObject([{ committed: [], failed: [{ reason: FAILURE_REASON.processingFailure }] }]);
  });

  it('case 104: verifies the object that retrieves read, not any copy', async () => {
    const [kept, copy] = await hold(first!, first!);
    const key = await keyOf(first!);
    expect(key).toContain(kept);
    await archive.objectStore.delete(scope, key);
    expect(await archive.objectStore.head(scope, key.replace(kept!, copy!))).toBeDefined();
    await ask([reference(first!)]);
    await next();
    expect(reports).toMatchObject([{ committed: [], failed: [{ reason: FAILURE_REASON.processingFailure }] }]);
  });

  it('tells another SOP class from the one that is kept', async () => {
    await hold(first!);
    await ask([{ ...reference(first!), sopClassUid: MR }]);
    await next();
    expect(reports).toMatchObject([{ committed: [], failed: [{ sopClassUid: MR, reason: FAILURE_REASON.classInstanceConflict }] }]);
  });

  it('waits for the index before it calls an instance unknown', async () => {
    await ask([reference(first!), unknown]);
    await next();
    nowMs += 59_000;
    await next();
    expect(reports).toEqual([]);
    await hold(first!);
    nowMs += 1000;
    await next();
    expect(reports).toMatchObject([{ committed: [reference(first!)], failed: [{ ...unknown, reason: FAILURE_REASON.noSuchInstance }] }]);
  });

  it('commits an instance that was acknowledged and comes into the index later', async () => {
    await store(archive.pipeline, first!.bytes());
    await ask([reference(first!)]);
    await next();
    expect(reports).toEqual([]);
    await hold();
    nowMs += 1000;
    await next();
    expect(reports).toMatchObject([{ committed: [reference(first!)], failed: [] }]);
  });

  it('tries a requestor that cannot be reached again, with what it found out the first time', async () => {
    await hold(first!);
    await ask([reference(first!)]);
    nowMs += 3001;
    await next(unreachable);
    expect(await next()).toBe(false);
    await archive.objectStore.delete(scope, await keyOf(first!));
    nowMs += 1501;
    await next();
    expect(reports).toMatchObject([{ committed: [reference(first!)], failed: [] }]);
  });

  it('pauses for longer, and gives up after a day', async () => {
    await hold(first!);
    await ask([reference(first!)]);
    let attempts = 0;
    for (let second = 0; second < 86_400; second += 10) {
      nowMs = 1_000_000 + second * 1000;
      if (await next(unreachable)) attempts += 1;
    }
    expect(attempts).toBeGreaterThan(90);
    expect(attempts).toBeLessThan(130);
    nowMs = 1_000_000 + 2 * 86_400_000;
    const logged: string[] = [];
    const logger = { ...silentLogger, error: (_: object, event: string) => void logged.push(event) };
    expect(await next(unreachable, new Commitments({ ...archive, logger }, { now: () => nowMs }))).toBe(true);
    expect(await next()).toBe(false);
    expect(logged).toEqual(['commitment.given-up']);
  });

  it('reports nothing while the object store is down', async () => {
    await hold(first!);
    await ask([reference(first!)]);
    const down = { get: () => Promise.reject(new CairnError('object-store.unavailable', 'Down.', { retriable: true })) };
    await next(send, new Commitments({ ...archive, objectStore: down }, { now: () => nowMs }));
    expect(reports).toEqual([]);
    nowMs += 1000;
    await next();
    expect(reports).toMatchObject([{ committed: [reference(first!)] }]);
  });

  it('takes the same request again for one, another under its Transaction UID for a failed one', async () => {
    await hold(first!, second!);
    await ask([reference(first!)]);
    await ask([reference(first!)]);
    await ask([reference(second!)]);
    await ask([reference(second!)]);
    while (await next());
    expect(reports).toHaveLength(2);
    expect(reports[0]).toMatchObject({ committed: [reference(first!)], failed: [] });
    expect(reports[1]).toMatchObject({
      committed: [],
      failed: [{ ...reference(second!), reason: FAILURE_REASON.duplicateTransactionUid }],
    });
  });

  it('is finished by another process when one dies in the middle', async () => {
    await hold(first!);
    await ask([reference(first!)]);
    await archive.metadataStore.claimJob(scope, 'storage-commitment', nowMs, 15_000);
    expect(await next()).toBe(false);
    nowMs += 15_000;
    expect(await next()).toBe(true);
    expect(reports).toHaveLength(1);
  });

  it('is not taken over while it is worked on, and gives back at once what an end interrupts', async () => {
    await hold(first!);
    const real = { leaseMs: 150, now: Date.now };
    await commitments(real).request(scope, { transactionUid: '1.2.4', requestorAet: 'CT1', references: [reference(first!)] });
    const stop = new AbortController();
    const untilStopped = (_: CommitmentReport, stopped: AbortSignal): Promise<void> => delay(60_000, undefined, { signal: stopped });
    const working = commitments(real).handleNext(scope, untilStopped, stop.signal);
    await delay(500);
    expect(await next(send, commitments(real))).toBe(false);
    stop.abort();
    await working;
    expect(await next(send, commitments(real))).toBe(true);
    expect(reports).toHaveLength(1);
  });

  it('stops when another process has the request now', async () => {
    await hold(first!);
    const real = { leaseMs: 90, now: Date.now };
    await commitments(real).request(scope, { transactionUid: '1.2.5', requestorAet: 'CT1', references: [reference(first!)] });
    let taken: unknown;
    const slow = async (_: CommitmentReport, stopped: AbortSignal): Promise<void> => {
      taken = await archive.metadataStore.claimJob(scope, 'storage-commitment', Date.now() + 60_000, 60_000);
      await delay(60_000, undefined, { signal: stopped });
    };
    await commitments(real).handleNext(scope, slow, signal);
    expect(taken).toBeDefined();
    expect(await next(send, commitments(real))).toBe(false);
  });
});

function reference({ sopClassUid, sopInstanceUid }: PhantomInstance): InstanceReference {
  return { sopClassUid, sopInstanceUid };
}

function flip(bytes: Buffer, at: number): Buffer {
  bytes[at]! ^= 0xff;
  return bytes;
}
