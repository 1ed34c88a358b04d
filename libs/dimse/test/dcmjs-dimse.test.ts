import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { aStudy, dataSetOffset } from '@cairn/testing';
import { decodeDataSet, encodeDataSet } from '@cairn/dicom';
import dcmjsDimse from 'dcmjs-dimse';
import type { association, requests, responses } from 'dcmjs-dimse';
import { COMMAND, DimseClient, VERIFICATION_SOP_CLASS } from '../src/index.ts';
import { EXPLICIT, Harness, IMPLICIT, STUDY_FIND, bytesOf, to } from './harness.ts';

const { Client, Dataset, Scp, log } = dcmjsDimse;
const { CEchoRequest, CFindRequest, CStoreRequest, NActionRequest } = dcmjsDimse.requests;
log.setLevel('silent');

const harness = new Harness();
const closing: (() => void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) close();
  await harness.close();
});

const [instance] = aStudy({ rows: 200, columns: 200 }).instances;
const { sopClassUid, sopInstanceUid } = instance!;
const file = instance!.bytes();
const dataSet = file.subarray(dataSetOffset(file));
const answer = { '00080052': { vr: 'CS', Value: ['STUDY'] }, '00100020': { vr: 'LO', Value: ['P1'] } };

/** Sends requests in one association; resolves to the statuses of all responses when it is closed. */
function exchange(port: number, list: readonly requests.Request[]): Promise<{ statuses: number[]; patientIds: (string | undefined)[] }> {
  const result = { statuses: [] as number[], patientIds: [] as (string | undefined)[] };
  const client = new Client();
  for (const request of list) {
    request.on('response', (response: responses.CFindResponse) => {
      result.statuses.push(response.getStatus());
      if (response.hasDataset()) result.patientIds.push(response.getDataset()!.getElement('PatientID'));
    });
    client.addRequest(request);
  }
  return new Promise((resolve, reject) => {
    client.on('networkError', reject);
    client.on('closed', () => resolve(result));
    client.send('127.0.0.1', port, 'DCMJS', 'CAIRN');
  });
}

describe('dcmjs-dimse as requestor', () => {
  it('echoes, stores, finds and acts', async () => {
    const received: Buffer[] = [];
    const { port } = await harness.serve({
      onAssociate: () => ({
        decideContext: ({ transferSyntaxUids }) =>
          transferSyntaxUids.includes(EXPLICIT) ? { result: 0, transferSyntaxUid: EXPLICIT } : { result: 0, transferSyntaxUid: IMPLICIT },
      }),
      async onStore(_operation, chunks) {
        received.push(await bytesOf(chunks));
        return { status: 0 };
      },
      async *onFind({ context }) {
        yield { identifier: await Promise.resolve(encodeDataSet(answer, context.transferSyntaxUid)) };
        return { status: 0 };
      },
      onNService: async ({ command }) => await Promise.resolve({ status: command.CommandField === COMMAND.action ? 0 : 0x0110 }),
    });
    const storing = new CStoreRequest(new Dataset(dataSet, EXPLICIT));
    const acting = new NActionRequest('1.2.840.10008.1.20.1', '1.2.840.10008.1.20.1.1', 1);
    const result = await exchange(port, [new CEchoRequest(), storing, CFindRequest.createStudyFindRequest({ PatientID: '' }), acting]);
    expect(result).toEqual({ statuses: [0, 0, 0xff00, 0, 0], patientIds: ['P1'] });
    expect(decodeDataSet(received[0]!, EXPLICIT)['00080018']).toEqual({ vr: 'UI', Value: [sopInstanceUid] });
  });
});

class AcceptingScp extends Scp {
  static stored: (string | undefined)[] = [];

  override associationRequested(requested: association.Association): void {
    for (const { id } of requested.getPresentationContexts()) requested.getPresentationContext(id).setResult(0, EXPLICIT);
    this.sendAssociationAccept();
  }

  override cEchoRequest(request: requests.CEchoRequest, callback: (response: responses.CEchoResponse) => void): void {
    const response = dcmjsDimse.responses.CEchoResponse.fromRequest(request);
    response.setStatus(0);
    callback(response);
  }

  override cStoreRequest(request: requests.CStoreRequest, callback: (response: responses.CStoreResponse) => void): void {
    AcceptingScp.stored.push(request.getDataset()!.getElement('SOPInstanceUID'));
    const response = dcmjsDimse.responses.CStoreResponse.fromRequest(request);
    response.setStatus(0);
    callback(response);
  }

  override cFindRequest(request: requests.CFindRequest, callback: (list: responses.CFindResponse[]) => void): void {
    const pending = dcmjsDimse.responses.CFindResponse.fromRequest(request);
    pending.setDataset(new Dataset({ PatientID: 'P1' }));
    pending.setStatus(0xff00);
    const final = dcmjsDimse.responses.CFindResponse.fromRequest(request);
    final.setStatus(0);
    callback([pending, final]);
  }

  override associationReleaseRequested(): void {
    this.sendAssociationReleaseResponse();
  }
}

describe('dcmjs-dimse as acceptor', () => {
  it('is echoed, stored to, asked and released', async () => {
    // Its own Server class listens on all interfaces.
    const server = createServer((socket) => new AcceptingScp(socket, {}));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const contexts = [VERIFICATION_SOP_CLASS, sopClassUid, STUDY_FIND].map((abstractSyntaxUid) => ({
      abstractSyntaxUid,
      transferSyntaxUids: [EXPLICIT],
    }));
    const association = await DimseClient.connect(to(port, { contexts }));
    expect(await association.echo()).toBe(0);
    expect((await association.store({ sopClassUid, sopInstanceUid, transferSyntaxUid: EXPLICIT, dataSet })).status).toBe(0);
    expect(AcceptingScp.stored).toEqual([sopInstanceUid]);
    const found = [];
    for await (const { status, dataSet: identifier } of association.find(STUDY_FIND, encodeDataSet(answer, EXPLICIT))) {
      found.push([status, identifier && decodeDataSet(identifier, EXPLICIT)['00100020']?.Value]);
    }
    expect(found).toEqual([[0xff00, ['P1']], [0, undefined]]); // prettier-ignore
    await association.release();
    expect(await association.closed).toBeUndefined();
  });
});
