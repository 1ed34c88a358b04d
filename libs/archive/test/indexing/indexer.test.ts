import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { DeliveredEvent } from '@cairn/event-bus';
import type { InstanceDocument } from '@cairn/metadata-store';
import { TINY, aStudy, element, writeDicom } from '@cairn/testing';
import type { PhantomInstance } from '@cairn/testing';
import { INSTANCE_TOPIC, STUDY_TOPIC } from '@cairn/archive';
import { all, anArchive, documentsOf, keysOf, other, scope, store } from '../archive-fixture.ts';
import type { Archive } from '../archive-fixture.ts';

const study = aStudy({ ...TINY, seed: 5, series: 2, instances: 3, patientId: 'SECRET-ID', patientName: 'Secret^Person' });
const [first] = study.instances;

describe('Indexer', () => {
  let archive: Archive;

  beforeEach(async () => {
    archive = await anArchive();
  });

  afterEach(() => archive.close());

  it('brings what was received into the index', async () => {
    await archive.startIndexer();
    for (const instance of study.instances) await store(archive.pipeline, instance.bytes());
    await archive.settled();
    expect(await archive.metadataStore.study(scope, study.studyInstanceUid)).toMatchObject({ numberOfInstances: 6, numberOfSeries: 2 });
    const indexed = await all(archive.metadataStore.instances(scope, { studyInstanceUid: study.studyInstanceUid }, { header: true }));
    expect(indexed.map(({ sopInstanceUid }) => sopInstanceUid).sort()).toEqual(
      study.instances.map(({ sopInstanceUid }) => sopInstanceUid).sort(),
    );
    expect(JSON.parse(indexed[0]!.header!)).toMatchObject({ '00100020': { vr: 'LO', Value: ['SECRET-ID'] } });
    expect(indexed[0]!.version).toMatchObject({ source: { protocol: 'dimse', callingAet: 'CT1' }, location: { offset: 0 } });
  });

  it('holds one instance of 16 identical ones received in parallel, all acknowledged (case 99)', async () => {
    await archive.startIndexer();
    const stored = await Promise.all(Array.from({ length: 16 }, () => store(archive.pipeline, first!.bytes())));
    await archive.settled();
    const { versions } = await instanceOf(archive, first!);
    expect(versions).toHaveLength(1);
    expect(versions[0]!.receipts.map(({ ulid }) => ulid)).toEqual(stored.map(({ ulid }) => ulid).sort());
    expect(await archive.collector().run(scope)).toEqual({ removed: 15, kept: 0 });
    expect(await keysOf(archive.objectStore)).toEqual([(await instanceOf(archive, first!)).versions[0]!.location.key]);
  });

  it('keeps other content of a known SOP Instance UID as a further version, in a row and in parallel (case 100)', async () => {
    await archive.startIndexer();
    const contents = ['A', 'B', 'C', 'D'].map((text) => withDescription(first!, text));
    await store(archive.pipeline, contents[0]!);
    await Promise.all(contents.slice(1).map((content) => store(archive.pipeline, content)));
    await archive.settled();
    const { versions } = await instanceOf(archive, first!);
    expect(versions).toHaveLength(4);
    expect(versions.map(({ ulid }) => ulid)).toEqual(versions.map(({ ulid }) => ulid).sort());
    expect(await keysOf(archive.objectStore)).toHaveLength(4);
    const conflicts = await archive.metadataStore.conflicts(scope);
    expect(new Set(conflicts.map(({ kind }) => kind))).toEqual(new Set(['content']));
  });

  it('stores one SOP Instance UID in two studies twice, and flags it (case 101)', async () => {
    await archive.startIndexer();
    const moved = writeDicom({
      elements: first!.elements().map((spec) => (spec.tag === '0020000D' ? element('0020000D', 'UI', '1.2.3.4.5') : spec)),
    });
    await store(archive.pipeline, first!.bytes());
    await store(archive.pipeline, moved);
    await archive.settled();
    expect(await instanceOf(archive, first!)).toMatchObject({ versions: [expect.anything()] });
    expect(await instanceOf(archive, { ...first!, studyInstanceUid: '1.2.3.4.5' })).toMatchObject({ versions: [expect.anything()] });
    const conflicts = await archive.metadataStore.conflicts(scope);
    expect(conflicts.map(({ kind }) => kind)).toContain('instance-elsewhere');
  });

  it('takes the same events again without a change', async () => {
    const events: DeliveredEvent[] = [];
    await archive.eventBus.subscribe(scope, 'ingest.v1', 'test', async (batch) => {
      events.push(...batch);
      return [];
    });
    for (const instance of study.instances) await store(archive.pipeline, instance.bytes());
    await archive.pipeline.close();
    while (events.length < 6) await new Promise((resolve) => setImmediate(resolve));
    expect(await archive.indexer.handle(events)).toEqual([]);
    const before = await documentsOf(archive.metadataStore);
    expect(await archive.indexer.handle(events.toReversed())).toEqual([]);
    expect(await documentsOf(archive.metadataStore)).toEqual(before);
  });

  it('makes a wiped index anew from the events, document by document, each delivered up to three times (cases 124, 126)', async () => {
    const events: DeliveredEvent[] = [];
    await archive.eventBus.subscribe(scope, 'ingest.v1', 'test', async (batch) => {
      events.push(...batch);
      return [];
    });
    await archive.startIndexer();
    const files = [...study.instances.map((instance) => instance.bytes()), withDescription(first!, 'other'), first!.bytes()];
    for (const file of files) await store(archive.pipeline, file);
    await archive.settled();
    while (events.length < files.length) await new Promise((resolve) => setImmediate(resolve));
    const before = await documentsOf(archive.metadataStore);
    await archive.metadataStore.clear(scope);
    expect(await documentsOf(archive.metadataStore)).toEqual([]);
    const deliveries = [events.slice(0, 5), events.slice(2), events.slice(0, 3), events];
    for (const delivery of deliveries) expect(await archive.indexer.handle(delivery)).toEqual([]);
    expect(await documentsOf(archive.metadataStore)).toEqual(before);
  });

  it('reports an event that can never be indexed and takes the others of its batch', async () => {
    const seen: DeliveredEvent[] = [];
    await archive.eventBus.subscribe(scope, 'ingest.v1', 'test', async (batch) => {
      seen.push(...batch);
      return [];
    });
    await store(archive.pipeline, first!.bytes());
    await archive.pipeline.close();
    while (seen.length < 1) await new Promise((resolve) => setImmediate(resolve));
    const poison = { ...seen[0]!, id: 'poison', data: 'not a receipt' };
    expect(await archive.indexer.handle([poison, seen[0]!])).toEqual([
      { id: 'poison', reason: expect.stringMatching(/^internal.unexpected: .*malformed/), retriable: false },
    ]);
    expect((await instanceOf(archive, first!)).versions).toHaveLength(1);
  });

  it('reports an outage of the index as retriable for every event', async () => {
    const seen: DeliveredEvent[] = [];
    await archive.eventBus.subscribe(scope, 'ingest.v1', 'test', async (batch) => {
      seen.push(...batch);
      return [];
    });
    for (const instance of study.instances) await store(archive.pipeline, instance.bytes());
    await archive.pipeline.close();
    while (seen.length < 6) await new Promise((resolve) => setImmediate(resolve));
    await archive.metadataStore.close();
    const failures = await archive.indexer.handle(seen);
    expect(failures).toHaveLength(6);
    expect(new Set(failures.map(({ reason, retriable }) => `${reason} ${retriable}`))).toEqual(
      new Set(['metadata-store.unavailable: The index is closed. true']),
    );
  });

  it('indexes an instance whose header is too large for the event, also when its part is gone', async () => {
    const large = (seed: number): Buffer => {
      const values = Array.from({ length: 4000 }, (_, n) =>
        element(`0009${(0x1000 + n).toString(16)}`, 'LO', createHash('sha256').update(`${seed}/${n}`).digest('hex')),
      );
      const sorted = [...aStudy({ ...TINY, seed }).instances[0]!.elements(), element('00090010', 'LO', 'CAIRN TEST'), ...values];
      return writeDicom({ elements: sorted.sort((a, b) => (a.tag < b.tag ? -1 : 1)) });
    };
    await store(archive.pipeline, large(21));
    await store(archive.pipeline, large(22));
    await archive.pipeline.close();
    const parts = (await keysOf(archive.objectStore)).filter((key) => key.endsWith('.header'));
    expect(parts).toHaveLength(2);
    await archive.objectStore.delete(scope, parts[0]!);
    await archive.startIndexer();
    await archive.settled();
    for (const seed of [21, 22]) {
      const { studyInstanceUid } = aStudy({ ...TINY, seed });
      const [indexed] = await all(archive.metadataStore.instances(scope, { studyInstanceUid }, { header: true }));
      expect(Object.keys(JSON.parse(indexed!.header!)).length).toBeGreaterThan(4000);
    }
  });

  it('tells the change feed identifiers, versions and codes as its schemas say, and nothing of the patient', async () => {
    const feed: Record<string, DeliveredEvent[]> = { [INSTANCE_TOPIC]: [], [STUDY_TOPIC]: [] };
    for (const [topic, events] of Object.entries(feed)) {
      await archive.eventBus.subscribe(scope, topic, 'test', async (batch) => {
        events.push(...batch);
        return [];
      });
    }
    await archive.startIndexer();
    for (const instance of study.instances) await store(archive.pipeline, instance.bytes());
    await store(archive.pipeline, withDescription(first!, 'changed'));
    await archive.settled();
    while (feed[INSTANCE_TOPIC]!.length < 7) await new Promise((resolve) => setImmediate(resolve));
    for (const [topic, events] of Object.entries(feed)) {
      const schema = JSON.parse(await readFile(join(import.meta.dirname, `../../schemas/${topic}.schema.json`), 'utf8')) as Schema;
      for (const event of events) {
        expect(event).toMatchObject({ type: topic, key: `default|${study.studyInstanceUid}` });
        expect(event.data).not.toMatch(/SECRET|Secret|1970|Phantom/);
        expect(Object.keys(JSON.parse(event.data) as object).sort()).toEqual(Object.keys(schema.properties).sort());
      }
    }
    const ofFirst = feed[INSTANCE_TOPIC]!.filter(({ data }) => data.includes(`"sopInstanceUid":"${first!.sopInstanceUid}"`));
    expect(ofFirst.map(({ data }) => (JSON.parse(data) as { outcome: string }).outcome)).toEqual(['new', 'new-version']);
    expect(new Set(ofFirst.map(({ id }) => id)).size).toBe(2);
    const versions = feed[STUDY_TOPIC]!.map(({ data }) => (JSON.parse(data) as { version: number }).version);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
  });

  it('keeps tenants with the same UIDs apart', async () => {
    const subscription = archive.startIndexer();
    await subscription;
    await store(archive.pipeline, first!.bytes(), scope);
    await store(archive.pipeline, withDescription(first!, 'of the other'), other);
    await archive.settled();
    expect((await instanceOf(archive, first!)).versions).toHaveLength(1);
    expect(await archive.metadataStore.conflicts(scope)).toEqual([]);
    expect(await archive.metadataStore.study(other, study.studyInstanceUid)).toMatchObject({ numberOfInstances: 1 });
  });
});

interface Schema {
  properties: object;
}

async function instanceOf(archive: Archive, instance: PhantomInstance): Promise<InstanceDocument> {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = instance;
  return (await archive.metadataStore.instance(scope, { studyInstanceUid, seriesInstanceUid, sopInstanceUid }))!;
}

function withDescription(instance: PhantomInstance, text: string): Buffer {
  const elements = instance.elements().filter(({ tag }) => tag !== '00081030');
  return writeDicom({ elements: [...elements, element('00081030', 'LO', text)].sort((a, b) => (a.tag < b.tag ? -1 : 1)) });
}
