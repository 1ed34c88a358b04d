import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { TINY, TRANSFER_SYNTAX, aStudy, writeDataSet } from '@cairn/testing';
import { startArchive } from '../harness/archive.ts';
import type { Archive } from '../harness/archive.ts';
import { PDU, associate, pdu, rawStore, readPdu } from '../harness/raw-dimse.ts';
import { itStandalone } from '../harness/shape.ts';
import { eventually, get, qido, stow } from '../harness/web.ts';

describe('metrics', () => {
  let archive: Archive;

  beforeAll(async () => {
    archive = await startArchive({ shape: 'standalone' });
  }, 60_000);

  afterAll(() => archive?.dispose());

  /** Value by name and labels, as written: `cairn_http_requests_total{route="/health/live",…}`. */
  async function scrape(): Promise<Map<string, number>> {
    const text = await (await fetch(`${archive.origin}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith('cairn_'));
    return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
  }

  itStandalone('show rate, errors and durations of each protocol, and how far the index is behind', async () => {
    const [stored, sent] = aStudy({ ...TINY, seed: 1311, series: 1, instances: 2 }).instances;
    await stow(archive, [stored!.bytes()]);
    const sopClass = sent!.sopClassUid;
    const connection = await associate(archive.dicomPort, { contexts: [[sopClass, TRANSFER_SYNTAX.explicitLittleEndian]] });
    expect(await rawStore(connection, sopClass, sent!.sopInstanceUid, writeDataSet({ elements: sent!.elements() }))).toMatchObject({
      status: 0,
    });
    expect(await rawStore(connection, sopClass, '2.25.1', writeDataSet({ elements: sent!.elements() }))).not.toMatchObject({ status: 0 });
    await connection.send(pdu(PDU.releaseRq, Buffer.alloc(4)));
    expect((await readPdu(connection)).type).toBe(PDU.releaseRp);
    await eventually(
      () => qido(archive, '/instances'),
      (found) => found.length === 2,
    );
    await get(archive, '/studies?limit=x');
    const expected = {
      'cairn_dimse_messages_total{command="C-STORE",status="success"}': 1,
      'cairn_dimse_messages_total{command="C-STORE",status="failure"}': 1,
      'cairn_dimse_request_seconds_count{command="C-STORE"}': 2,
      'cairn_dimse_associations_total{outcome="released"}': 1,
      'cairn_http_requests_total{route="/dicom-web/studies",method="POST",status="200"}': 1,
      'cairn_http_requests_total{route="/dicom-web/studies",method="GET",status="400"}': 1,
      'cairn_http_request_seconds_count{route="/dicom-web/studies",method="POST"}': 1,
      'cairn_instances_received_total{protocol="stow",outcome="stored"}': 1,
      'cairn_instances_received_total{protocol="dimse",outcome="refused"}': 1,
      cairn_index_visible_seconds_count: 2,
      'cairn_event_lag{topic="ingest.v1",group="indexer"}': 0,
      cairn_event_spool_depth: 0,
      cairn_events_lost_total: 0,
    };
    const seen = await eventually(scrape, (metrics) => Object.entries(expected).every(([name, value]) => metrics.get(name) === value));
    expect(Object.fromEntries(Object.keys(expected).map((name) => [name, seen.get(name)]))).toEqual(expected);
  });
});
