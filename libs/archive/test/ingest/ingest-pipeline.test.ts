import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CairnError, ulidHour } from '@cairn/core';
import type { ErrorCode } from '@cairn/core';
import type { DeliveredEvent } from '@cairn/event-bus';
import { TINY, TRANSFER_SYNTAX, aStudy, element, writeDataSet, writeDicom } from '@cairn/testing';
import type { ReceiveOutcome } from '@cairn/archive';
import { anArchive, chunked, contentOf, keysOf, other, request, scope, store } from '../archive-fixture.ts';
import type { Archive, ArchiveParts } from '../archive-fixture.ts';

const phantom = aStudy(TINY).instances[0]!;

describe('IngestPipeline', () => {
  let archive: Archive;

  afterEach(() => archive.close());

  const open = async (parts?: ArchiveParts): Promise<void> => {
    archive = await anArchive({ ...parts, index: false });
  };

  it('stores the bytes as received under the hour of its ULID and tells what they are', async () => {
    await open();
    const file = phantom.bytes();
    const outcome = await archive.pipeline.receive(scope, request(), chunked(file, 7));
    expect(outcome).toEqual({
      kind: 'stored',
      instance: {
        ulid: expect.any(String),
        studyInstanceUid: phantom.studyInstanceUid,
        seriesInstanceUid: phantom.seriesInstanceUid,
        sopInstanceUid: phantom.sopInstanceUid,
        sopClassUid: phantom.sopClassUid,
        transferSyntaxUid: phantom.transferSyntaxUid,
        sizeBytes: file.length,
        warnings: [],
      },
    });
    const { ulid } = storedIn(outcome);
    expect(await keysOf(archive.objectStore)).toEqual([`landing/default/${ulidHour(ulid)}/${ulid}.dcm`]);
    expect((await contentOf(archive.objectStore, (await keysOf(archive.objectStore))[0]!)).equals(file)).toBe(true);
  });

  it('keeps source, issuer and digests as attributes of the object', async () => {
    await open({ options: { defaultIssuer: (_, source) => `issuer of ${source.callingAet}` } });
    const file = phantom.bytes();
    await store(archive.pipeline, file);
    const [key] = await keysOf(archive.objectStore);
    const { attributes } = (await archive.objectStore.head(scope, key!))!;
    const offset = Number(attributes.dataSetOffset);
    expect(attributes).toEqual({
      version: '1',
      source: JSON.stringify(request().source),
      defaultIssuer: 'issuer of CT1',
      sizeBytes: `${file.length}`,
      dataSetOffset: expect.any(String),
      sha256DataSet: createHash('sha256').update(file.subarray(offset)).digest('hex'),
      sha256Meta: createHash('sha256').update(file.subarray(0, offset)).digest('hex'),
    });
  });

  it('publishes one event an instance, keyed by tenant and study', async () => {
    await open();
    const events: DeliveredEvent[] = [];
    await archive.eventBus.subscribe(scope, 'ingest.v1', 'test', async (batch) => {
      events.push(...batch);
      return [];
    });
    const { ulid } = await store(archive.pipeline, phantom.bytes());
    await archive.pipeline.close();
    await archive.eventBus.close();
    expect(events).toMatchObject([{ id: ulid, key: `default|${phantom.studyInstanceUid}`, type: 'instance-received', tenant: 'default' }]);
  });

  it('takes a bare data set by the transfer syntax of its door', async () => {
    await open();
    for (const transferSyntaxUid of [TRANSFER_SYNTAX.implicitLittleEndian, TRANSFER_SYNTAX.explicitBigEndian]) {
      const file = writeDataSet({ elements: phantom.elements(), transferSyntaxUid });
      const outcome = await archive.pipeline.receive(scope, request({ transferSyntaxUid }), chunked(file));
      expect(storedIn(outcome)).toMatchObject({ transferSyntaxUid, sizeBytes: file.length });
    }
  });

  const without = (tag: string): Buffer => writeDicom({ elements: phantom.elements().filter((spec) => spec.tag !== tag) });
  const withUid = (tag: string, uid: string): Buffer =>
    writeDicom({ elements: phantom.elements().map((spec) => (spec.tag === tag ? element(tag, 'UI', uid) : spec)) });
  const file = phantom.bytes();
  const refusals: [string, Uint8Array, ErrorCode][] = [
    ['no DICOM', Buffer.from('GIF89a and what else follows in such a file'), 'dicom.not-dicom'],
    ['nothing', new Uint8Array(0), 'dicom.not-dicom'],
    ['a file cut within an element', file.subarray(0, file.length - 10), 'dicom.truncated'],
    ['a file cut within its meta information', file.subarray(0, 200), 'dicom.truncated'],
    ['no Study Instance UID', without('0020000D'), 'dicom.missing-identifier'],
    ['no SOP Instance UID', without('00080018'), 'dicom.missing-identifier'],
    ['a UID that is a path', withUid('0020000E', '../../etc/x'), 'dicom.invalid-identifier'],
  ];
  it.each(refusals)('refuses %s and leaves nothing behind', async (_, bytes, code) => {
    await open();
    const outcome = await archive.pipeline.receive(scope, request(), chunked(bytes));
    expect(codeOf(outcome)).toBe(code);
    expect(await keysOf(archive.objectStore)).toEqual([]);
  });

  it.each([
    ['sopInstanceUid', 'archive.identifier-mismatch'],
    ['sopClassUid', 'archive.identifier-mismatch'],
    ['studyInstanceUid', 'archive.study-mismatch'],
  ] as const)('refuses an instance whose %s is not the one announced (cases 14 and 50)', async (name, code) => {
    await open();
    const announced = { [name]: '1.2.3.4' };
    const outcome = await archive.pipeline.receive(scope, request({ announced }), chunked(phantom.bytes()));
    expect(codeOf(outcome)).toBe(code);
    expect(outcome).toMatchObject({ sopClassUid: phantom.sopClassUid, sopInstanceUid: phantom.sopInstanceUid });
    expect(await keysOf(archive.objectStore)).toEqual([]);
    const right = { announced: { [name]: phantom[name] } };
    expect((await archive.pipeline.receive(scope, request(right), chunked(phantom.bytes()))).kind).toBe('stored');
  });

  it('refuses what is larger than the limit without reading on', async () => {
    await open({ options: { maxInstanceBytes: 2000 } });
    let given = 0;
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      yield phantom.bytes().subarray(0, 1500);
      for (; given < 1000; given++) yield new Uint8Array(100);
    };
    expect(codeOf(await archive.pipeline.receive(scope, request(), endless()))).toBe('archive.too-large');
    expect(given).toBeLessThan(10);
    expect(await keysOf(archive.objectStore)).toEqual([]);
  });

  it('leaves nothing of a connection that breaks off, and gives its error (case 23)', async () => {
    await open();
    const reset = new Error('ECONNRESET');
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield phantom.bytes().subarray(0, 2000);
      throw reset;
    };
    await expect(archive.pipeline.receive(scope, request(), broken())).rejects.toBe(reset);
    const abort = new AbortController();
    const aborting = async function* (): AsyncGenerator<Uint8Array> {
      yield phantom.bytes().subarray(0, 2000);
      abort.abort(new CairnError('dimse.aborted', 'gone'));
      yield phantom.bytes().subarray(2000);
    };
    await expect(archive.pipeline.receive(scope, request(), aborting(), abort.signal)).rejects.toMatchObject({ code: 'dimse.aborted' });
    expect(await keysOf(archive.objectStore)).toEqual([]);
  });

  it.each(['object-store.full', 'object-store.unavailable'] as const)(
    'refuses with %s while the store cannot write (case 106)',
    async (code) => {
      let failing = true;
      await open({
        objectStore: (real) =>
          derive(real, {
            put: (...args) => (failing ? Promise.reject(new CairnError(code, 'no', { retriable: true })) : real.put(...args)),
          }),
      });
      expect(codeOf(await archive.pipeline.receive(scope, request(), chunked(phantom.bytes())))).toBe(code);
      failing = false;
      await store(archive.pipeline, phantom.bytes());
    },
  );

  it('answers only when the object is durable, and does not wait for the bus (case 49)', async () => {
    const steps: string[] = [];
    let releaseBus = (): void => undefined;
    const busBlocked = new Promise<void>((resolve) => (releaseBus = resolve));
    await open({
      objectStore: (real) =>
        derive(real, {
          put: async (...args) => {
            const result = await real.put(...args);
            steps.push('durable');
            return result;
          },
        }),
      eventBus: (real) =>
        derive(real, {
          publish: async (...args) => {
            await busBlocked;
            await real.publish(...args);
            steps.push('published');
          },
        }),
    });
    await store(archive.pipeline, phantom.bytes());
    expect(steps).toEqual(['durable']);
    releaseBus();
    await archive.pipeline.close();
    expect(steps).toEqual(['durable', 'published']);
  });

  it('takes its own object, found by a repeated put whose first answer was lost, for stored (case 98)', async () => {
    let foreign = false;
    await open({
      objectStore: (real) =>
        derive(real, {
          put: async (...[where, key, source, options]) => {
            const attributes = foreign ? { attributes: () => ({ of: 'another' }) } : {};
            await real.put(where, key, source, { ...options, ...attributes });
            throw new CairnError('object-store.already-exists', 'exists');
          },
        }),
    });
    const { ulid } = await store(archive.pipeline, phantom.bytes());
    expect(await keysOf(archive.objectStore)).toEqual([`landing/default/${ulidHour(ulid)}/${ulid}.dcm`]);
    foreign = true;
    await expect(archive.pipeline.receive(scope, request(), chunked(phantom.bytes()))).rejects.toMatchObject({
      code: 'object-store.already-exists',
    });
  });

  it('keeps events while the bus fails and delivers them afterwards', async () => {
    let failures = 3;
    await open({
      eventBus: (real) =>
        derive(real, {
          publish: (...args) =>
            failures-- > 0 ? Promise.reject(new CairnError('event-bus.unavailable', 'no', { retriable: true })) : real.publish(...args),
        }),
    });
    for (const instance of aStudy({ ...TINY, instances: 3 }).instances) await store(archive.pipeline, instance.bytes());
    const seen: string[] = [];
    await new Promise<void>((resolve, reject) => {
      const handler = async (events: readonly DeliveredEvent[]): Promise<[]> => {
        seen.push(...events.map(({ id }) => id));
        if (seen.length === 3) resolve();
        return [];
      };
      archive.eventBus.subscribe(scope, 'ingest.v1', 'test', handler).catch(reject);
    });
    expect(seen).toHaveLength(3);
  });

  it('gives up events at closing when the bus stays down, and says so', async () => {
    let lost = 0;
    await open({
      observer: { eventLost: () => (lost += 1) },
      eventBus: (real) =>
        derive(real, { publish: () => Promise.reject(new CairnError('event-bus.unavailable', 'no', { retriable: true })) }),
    });
    await store(archive.pipeline, phantom.bytes());
    await store(archive.pipeline, phantom.bytes());
    expect(archive.pipeline.waitingEvents).toBe(2);
    await archive.pipeline.close();
    expect([lost, archive.pipeline.waitingEvents]).toEqual([2, 0]);
    expect(await keysOf(archive.objectStore)).toHaveLength(2);
  });

  it('tells its observer of every outcome', async () => {
    const told: unknown[] = [];
    await open({ observer: { received: (...args) => told.push(args) } });
    await store(archive.pipeline, phantom.bytes());
    await archive.pipeline.receive(scope, request(), chunked(Buffer.from('nothing of ours, whatever it is')));
    expect(told).toEqual([
      ['dimse', 'stored', phantom.bytes().length],
      ['dimse', 'refused', expect.any(Number)],
    ]);
  });

  it('keeps tenants with the same UIDs apart', async () => {
    await open();
    await store(archive.pipeline, phantom.bytes(), scope);
    await store(archive.pipeline, phantom.bytes(), other);
    expect(await keysOf(archive.objectStore)).toHaveLength(1);
    expect(await keysOf(archive.objectStore, 'landing/other/', other)).toHaveLength(1);
  });
});

function storedIn(outcome: ReceiveOutcome): Extract<ReceiveOutcome, { kind: 'stored' }>['instance'] {
  if (outcome.kind === 'refused') throw outcome.error;
  return outcome.instance;
}

function codeOf(outcome: ReceiveOutcome): string {
  return outcome.kind === 'refused' ? outcome.error.code : outcome.kind;
}

/** The object with some methods replaced; the others run on the object itself. */
function derive<T extends object>(real: T, replaced: Partial<T>): T {
  return new Proxy(real, {
    get(target, name) {
      const value = (replaced as Record<PropertyKey, unknown>)[name] ?? Reflect.get(target, name, target);
      return typeof value === 'function' && !(name in replaced) ? value.bind(target) : value;
    },
  });
}
