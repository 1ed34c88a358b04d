import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TINY, TRANSFER_SYNTAX, aStudy, writeDataSet } from '@cairn/testing';
import { startArchive } from '../harness/archive.ts';
import type { Archive } from '../harness/archive.ts';
import { PDU, associate, pdu, rawStore, readPdu } from '../harness/raw-dimse.ts';
import { SHAPE } from '../harness/shape.ts';
import { eventually, multipartBody, stow } from '../harness/web.ts';
import { startCollector } from './collector.ts';
import type { Collector, ReceivedSpan } from './collector.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';
const INDEXED = 'process ingest.v1';

describe('tracing', () => {
  let collector: Collector;
  let archive: Archive;

  beforeAll(async () => {
    collector = await startCollector();
    archive = await startArchive({ env: collector.environment });
  }, 120_000);

  afterAll(async () => {
    await archive?.dispose();
    collector?.close();
  });

  /** The spans of a trace once it has reached the index. */
  async function traceWith(name: string, isIts: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan[]> {
    const ofTrace = (): ReceivedSpan[] => {
      const first = collector.spans.find((span) => span.name === name && isIts(span));
      return collector.spans.filter(({ traceId }) => traceId === first?.traceId);
    };
    return eventually(
      async () => ofTrace(),
      (spans) => spans.some((span) => span.name === INDEXED),
      30_000,
    );
  }

  /** The names from a span up to the root of what the archive knows. */
  function pathFrom(spans: readonly ReceivedSpan[], name: string): string[] {
    const path: string[] = [];
    for (let span = spans.find((one) => one.name === name); span !== undefined;) {
      path.push(span.name);
      const { parentSpanId } = span;
      span = spans.find(({ spanId }) => spanId === parentSpanId);
    }
    return path;
  }

  it('leads from the association of a C-STORE to the index, over every process between', async () => {
    const instance = aStudy({ ...TINY, seed: 1301 }).instances[0]!;
    const sopClass = instance.sopClassUid;
    const connection = await associate(archive.dicomPort, { contexts: [[sopClass, TRANSFER_SYNTAX.explicitLittleEndian]] });
    const { status } = await rawStore(connection, sopClass, instance.sopInstanceUid, writeDataSet({ elements: instance.elements() }));
    expect(status).toBe(0);
    await connection.send(pdu(PDU.releaseRq, Buffer.alloc(4)));
    expect((await readPdu(connection)).type).toBe(PDU.releaseRp);
    const spans = await traceWith('C-STORE', () => true);
    await eventually(
      async () => spans.concat(collector.spans),
      (all) => all.some(({ name }) => name === 'association'),
    );
    const all = collector.spans.filter(({ traceId }) => traceId === spans[0]!.traceId);
    expect(pathFrom(all, INDEXED)).toEqual([INDEXED, 'publish ingest.v1', 'receive instance', 'C-STORE', 'association']);
    expect(pathFrom(all, 'put object')).toEqual(['put object', 'receive instance', 'C-STORE', 'association']);
    const services = SHAPE === 'standalone' ? ['cairn'] : ['cairn-dicom-gateway', 'cairn-indexer'];
    expect([...new Set(all.map(({ service }) => service))].toSorted()).toEqual(services);
  }, 60_000);

  it('goes on with the trace of an HTTP caller', async () => {
    const file = aStudy({ ...TINY, seed: 1302 }).instances[0]!.bytes();
    const answer = await fetch(`${archive.webUrl}/studies`, {
      method: 'POST',
      headers: {
        'content-type': 'multipart/related; type="application/dicom"; boundary=b',
        traceparent: `00-${TRACE}-${CALLER}-01`,
      },
      body: Buffer.from(multipartBody([file], undefined, 'b')),
    });
    expect(answer.status).toBe(200);
    await answer.body?.cancel();
    const spans = await traceWith(INDEXED, ({ traceId }) => traceId === TRACE);
    expect(pathFrom(spans, INDEXED).slice(0, 3)).toEqual([INDEXED, 'publish ingest.v1', 'receive instance']);
    expect(spans.find(({ parentSpanId }) => parentSpanId === CALLER)?.name).toBe('POST /dicom-web/studies');
  }, 60_000);

  it('tells nothing of patients, identifiers and AE titles', async () => {
    const instance = aStudy({ ...TINY, seed: 1303 }).instances[0]!;
    const before = collector.spans.length;
    await stow(archive, [instance.bytes()]);
    await eventually(
      async () => collector.spans.slice(before),
      (spans) => spans.some(({ name }) => name === INDEXED),
      30_000,
    );
    for (const value of [instance.studyInstanceUid, instance.sopInstanceUid, archive.aeTitle, 'RAW']) {
      expect(collector.received()).not.toContain(value);
    }
  }, 60_000);
});
