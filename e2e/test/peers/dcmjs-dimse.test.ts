import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TINY, aStudy, makeTempDir } from '@cairn/testing';
import type { TempDir } from '@cairn/testing';
import dcmjsDimse from 'dcmjs-dimse';
import type { requests } from 'dcmjs-dimse';
import { startArchive } from '../harness/archive.ts';
import type { Archive } from '../harness/archive.ts';
import { writeStudy } from '../harness/files.ts';
import { eventually, qido } from '../harness/web.ts';

const { Client, log } = dcmjsDimse;
const { CEchoRequest, CFindRequest, CGetRequest, CStoreRequest, CMoveRequest } = dcmjsDimse.requests;

/** What the archive answered to one request, and the C-STOREs that it sent meanwhile. */
interface Exchange {
  statuses: number[];
  dataSets: Record<string, unknown>[];
  received: string[];
}

describe('dcmjs-dimse', () => {
  let archive: Archive;
  let folder: TempDir;
  const study = aStudy({ ...TINY, seed: 401, patientName: 'Dcmjs^Dimse', series: 1, instances: 3 });

  beforeAll(async () => {
    log.setLevel('silent');
    folder = await makeTempDir();
    archive = await startArchive();
  }, 60_000);

  afterAll(async () => {
    await archive?.dispose();
    await folder?.remove();
  });

  /** Sends requests in one association; resolves when it is closed. */
  function exchange(list: readonly requests.Request[]): Promise<Exchange> {
    const result: Exchange = { statuses: [], dataSets: [], received: [] };
    const client = new Client();
    for (const request of list) {
      request.on('response', (response: dcmjsDimse.responses.CFindResponse) => {
        result.statuses.push(response.getStatus());
        const dataSet = response.getDataset();
        if (dataSet) result.dataSets.push(dataSet.getElements());
      });
      client.addRequest(request);
    }
    client.on('cStoreRequest', (request: requests.CStoreRequest, answer: (response: dcmjsDimse.responses.CStoreResponse) => void) => {
      result.received.push(request.getDataset()!.getElement('SOPInstanceUID')!);
      const response = dcmjsDimse.responses.CStoreResponse.fromRequest(request);
      response.setStatus(0);
      answer(response);
    });
    return new Promise((resolve, reject) => {
      client.on('networkError', reject);
      client.on('associationRejected', () => reject(new Error('rejected')));
      client.on('closed', () => resolve(result));
      client.send('127.0.0.1', archive.dicomPort, 'DCMJS', archive.aeTitle);
    });
  }

  it('echoes', async () => {
    expect((await exchange([new CEchoRequest()])).statuses).toEqual([0]);
  });

  it('stores several files in one association', async () => {
    const paths = await writeStudy(folder.path, study);
    expect((await exchange(paths.map((path) => new CStoreRequest(path)))).statuses).toEqual([0, 0, 0]);
    const found = await eventually(
      () => qido(archive, `/studies/${study.studyInstanceUid}/instances`),
      (each) => each.length === 3,
    );
    expect(found).toHaveLength(3);
  });

  it('finds studies', async () => {
    const { statuses, dataSets } = await exchange([CFindRequest.createStudyFindRequest({ PatientName: 'dcmjs*', StudyInstanceUID: '' })]);
    expect(statuses).toEqual([0xff00, 0]);
    expect(dataSets[0]!['StudyInstanceUID']).toBe(study.studyInstanceUid);
  });

  it('gets a study', async () => {
    const { statuses, received } = await exchange([CGetRequest.createStudyGetRequest(study.studyInstanceUid)]);
    expect(statuses.at(-1)).toBe(0);
    expect(received.sort()).toEqual(study.instances.map((instance) => instance.sopInstanceUid).sort());
  });

  it('case 15: is told A801 for an unknown destination', async () => {
    expect((await exchange([CMoveRequest.createStudyMoveRequest('NOWHERE', study.studyInstanceUid)])).statuses.at(-1)).toBe(0xa801);
  });
});
