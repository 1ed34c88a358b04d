import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CairnError, UlidFactory, hourOf } from '@cairn/core';
import { TINY, aStudy } from '@cairn/testing';
import { all, anArchive, documentsOf, keysOf, scope, store } from '../archive-fixture.ts';
import type { Archive } from '../archive-fixture.ts';

const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 0, 1, 12, 30);
const study = aStudy({ ...TINY, seed: 8, instances: 6 });

describe('LandingReconciler', () => {
  let archive: Archive;
  let nowMs = START_MS;

  beforeEach(async () => {
    nowMs = START_MS;
    archive = await anArchive({ ulids: new UlidFactory(() => nowMs) });
  });

  afterEach(() => archive.close());

  const receive = async (from: number, to: number): Promise<void> => {
    for (const instance of study.instances.slice(from, to)) await store(archive.pipeline, instance.bytes());
  };
  const reconcile = (): Promise<unknown> => archive.reconciler(6 * HOUR_MS, () => nowMs).run();
  const instancesIndexed = async (): Promise<number | undefined> =>
    (await archive.metadataStore.study(scope, study.studyInstanceUid))?.numberOfInstances;

  it('indexes what was acknowledged and whose event was lost, once (case 95)', async () => {
    await receive(0, 3);
    expect(await reconcile()).toEqual({ examined: 3, indexed: 3, unreadable: 0, orphansRemoved: 0, factsApplied: 0 });
    expect(await instancesIndexed()).toBe(3);
    expect(await reconcile()).toMatchObject({ examined: 3, indexed: 0 });
  });

  it('tells the change feed, once the bus is back, what it indexed while that was away', async () => {
    await receive(0, 2);
    await archive.pipeline.close();
    const away = new CairnError('event-bus.unavailable', 'Away.', { retriable: true });
    const publish = jest.spyOn(archive.eventBus, 'publish').mockRejectedValueOnce(away).mockRejectedValueOnce(away);
    const reconciler = archive.reconciler(6 * HOUR_MS, () => nowMs);
    await expect(reconciler.run()).rejects.toBe(away);
    publish.mockClear();
    await reconciler.run();
    expect(publish.mock.calls.map(([, topic, events]) => [topic, events.length])).toEqual([
      ['dicom.instance.v1', 2],
      ['dicom.study.v1', 1],
    ]);
    expect(await reconciler.run()).toMatchObject({ indexed: 0 });
  });

  it('makes the same documents as the live indexer does', async () => {
    await receive(0, 6);
    await reconcile();
    const reconciled = await documentsOf(archive.metadataStore);
    await archive.metadataStore.clear(scope);
    await archive.startIndexer();
    await archive.settled();
    expect(await documentsOf(archive.metadataStore)).toEqual(reconciled);
  });

  it('does not look again at hours that it closed, and at later ones it does', async () => {
    await receive(0, 2);
    nowMs += 5 * HOUR_MS;
    await receive(2, 4);
    expect(await reconcile()).toMatchObject({ examined: 4, indexed: 4 });
    // Seven hours after the first hour's end it is closed; the hour five hours later is not.
    nowMs += 3 * HOUR_MS;
    await receive(4, 6);
    expect(await reconcile()).toMatchObject({ examined: 6, indexed: 2 });
    expect(await archive.metadataStore.getMark(scope, 'landing-watermark')).toBe(hourOf(START_MS + HOUR_MS));
    expect(await reconcile()).toMatchObject({ examined: 4, indexed: 0 });
  });

  it('finds an instance that took hours to arrive', async () => {
    await receive(0, 1);
    await reconcile();
    const early = new UlidFactory(() => nowMs - 5 * HOUR_MS);
    archive.ulids.next = () => early.next();
    await receive(1, 2);
    expect(await reconcile()).toMatchObject({ indexed: 1 });
  });

  it('leaves out what may still be on its way', async () => {
    await receive(0, 2);
    nowMs += 30_000;
    await receive(2, 3);
    expect(await archive.reconciler(HOUR_MS, () => nowMs).run({ settleMs: 10_000 })).toMatchObject({ examined: 2, indexed: 2 });
  });

  it('loses nothing and keeps the order of receipts when the clock jumps five minutes ahead and back (case 138)', async () => {
    for (const [index, jumpMs] of [0, 300_000, -300_000, -300_000, 300_000, 0].entries()) {
      nowMs += jumpMs;
      await receive(index, index + 1);
      await reconcile();
    }
    // What was received while the clock was ahead is settled when the clock is there again.
    nowMs += 300_000;
    await reconcile();
    expect(await instancesIndexed()).toBe(6);
    const receipts = await all(archive.metadataStore.instances(scope, { studyInstanceUid: study.studyInstanceUid }, {}));
    const inOrder = receipts.toSorted((a, b) => (a.version.ulid < b.version.ulid ? -1 : 1));
    expect(inOrder.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(study.instances.map(({ sopInstanceUid }) => sopInstanceUid));
  });

  it('logs unreadable objects and passes on', async () => {
    await receive(0, 4);
    const keys = await keysOf(archive.objectStore);
    await truncate(join(archive.folder, 'objects', keys[0]!), 500);
    await writeFile(join(archive.folder, 'objects', keys[1]!), 'no longer DICOM, and of no use to anybody');
    await writeFile(
      join(archive.folder, 'objects', keys[2]!.replace(/[^/]+$/, `${archive.ulids.next()}.dcm`)),
      study.instances[5]!.bytes(),
    );
    expect(await reconcile()).toMatchObject({ examined: 5, indexed: 2, unreadable: 3 });
    expect(archive.logged.filter(({ event }) => event === 'index.unreadable-object')).toHaveLength(3);
    expect(await instancesIndexed()).toBe(2);
  });

  it('ends without moving its mark when a store does not answer', async () => {
    await receive(0, 2);
    await archive.objectStore.close();
    await expect(reconcile()).rejects.toMatchObject({ code: 'object-store.unavailable' });
    expect(await archive.metadataStore.getMark(scope, 'landing-watermark')).toBeUndefined();
  });

  it('removes texts whose instance is gone and ignores foreign keys', async () => {
    await receive(0, 2);
    const [first, second] = await keysOf(archive.objectStore);
    const orphan = first!.replace(/\.dcm$/, '.header');
    const kept = second!.replace(/\.dcm$/, '.frames');
    for (const key of [orphan, kept, 'landing/default/2026010112/README']) await archive.objectStore.put(scope, key, one());
    await archive.objectStore.delete(scope, first!);
    expect(await reconcile()).toMatchObject({ examined: 1, orphansRemoved: 1 });
    expect(await keysOf(archive.objectStore)).toEqual([second, kept, 'landing/default/2026010112/README']);
  });

  it('brings a database restored from an hour ago up to date, journal included (case 112)', async () => {
    await receive(0, 3);
    await reconcile();
    const before = await documentsOf(archive.metadataStore);
    nowMs += HOUR_MS;
    await receive(0, 1);
    await receive(3, 6);
    await reconcile();
    const [duplicate] = await archive.metadataStore.duplicates(scope, 10);
    expect(duplicate).toBeDefined();
    expect(await archive.collector(-10 * 365 * 24 * HOUR_MS).run(scope)).toEqual({ removed: 1, kept: 0 });
    const live = await documentsOf(archive.metadataStore);
    // The restored database knows the first hour only.
    await archive.metadataStore.clear(scope);
    await receiveAgainIntoIndex(archive, 3);
    expect(await documentsOf(archive.metadataStore)).toEqual(before);
    expect(await reconcile()).toMatchObject({ indexed: 3, factsApplied: 1 });
    expect(await documentsOf(archive.metadataStore)).toEqual(live);
  });
});

/** Indexes only the first landing objects, as an old backup of the index would hold them. */
async function receiveAgainIntoIndex(archive: Archive, count: number): Promise<void> {
  const { rescan } = await import('../../src/ingest/rescan.ts');
  for (const key of (await keysOf(archive.objectStore)).slice(0, count)) {
    await archive.metadataStore.recordReceipts(scope, [(await rescan(archive.objectStore, scope, key))!]);
  }
}

async function* one(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('x');
}
