import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FAILURE_REASON } from '@cairn/archive';
import { CairnError } from '@cairn/core';
import type { DicomJson } from '@cairn/core';
import { decodeDataSet, encodeDataSet } from '@cairn/dicom';
import { COMMAND, DimseServer } from '@cairn/dimse';
import type { Association, NServiceRequest, Operation, Response, ServerHandlers } from '@cairn/dimse';
import { CT, EXPLICIT, GatewayHarness, IMPLICIT } from './harness.ts';

const COMMITMENT = '1.2.840.10008.1.20.1';
const INSTANCE = '1.2.840.10008.1.20.1.1';
const contexts = [{ abstractSyntaxUid: COMMITMENT, transferSyntaxUids: [IMPLICIT] }];

let harness = new GatewayHarness();
beforeEach(() => {
  harness = new GatewayHarness();
});
afterEach(async () => await harness.close());

/** A modality that listens for reports: what came, and how it answers. */
class Modality {
  readonly reports: { operation: Operation; json: DicomJson }[] = [];
  readonly roles: unknown[] = [];
  status = 0;
  #onReport: (() => void) | undefined;

  async listen(transferSyntaxUid: string, more: Partial<ServerHandlers> = {}): Promise<number> {
    const server = new DimseServer(
      { listeners: [{ host: '127.0.0.1', port: 0 }] },
      {
        onAssociate: ({ user }) => {
          this.roles.push(...user.roleSelections);
          return { decideContext: () => ({ result: 0, transferSyntaxUid, requestorMayBeScp: true }) };
        },
        onNService: async (operation, dataSet) => {
          this.reports.push({ operation, json: decodeDataSet(dataSet, transferSyntaxUid) });
          this.#onReport?.();
          return await Promise.resolve({ status: this.status });
        },
        ...more,
      },
    );
    const [address] = await server.listen();
    harness.closes(server);
    return address!.port;
  }

  async reported(count: number): Promise<void> {
    while (this.reports.length < count) {
      await new Promise<void>((resolve) => {
        this.#onReport = resolve;
      });
    }
  }
}

function item(sopInstanceUid: string, more: DicomJson = {}): DicomJson {
  return { '00081150': { vr: 'UI', Value: [CT] }, '00081155': { vr: 'UI', Value: [sopInstanceUid] }, ...more };
}

function action(items: DicomJson[], transactionUid = '1.2.3'): DicomJson {
  return { '00081195': { vr: 'UI', Value: [transactionUid] }, '00081199': { vr: 'SQ', Value: items } };
}

async function act(association: Association, json: DicomJson, more: Partial<NServiceRequest> = {}): Promise<Response> {
  const dataSet = Object.keys(json).length === 0 ? {} : { dataSet: encodeDataSet(json, IMPLICIT) };
  const request = { commandField: COMMAND.action, sopClassUid: COMMITMENT, sopInstanceUid: INSTANCE, actionTypeId: 1 };
  return await association.nService({ ...request, ...dataSet, ...more });
}

describe('N-ACTION of storage commitment', () => {
  const peers = new Map([['MODALITY', { host: '127.0.0.1', port: 1 }]]);

  it('takes a request on and answers at once', async () => {
    const { port } = await harness.start({ peers });
    const association = await harness.connect(port, { contexts });
    const response = await act(association, action([item('1.2.1'), item('1.2.2')]));
    expect(response.command).toMatchObject({
      Status: 0,
      ActionTypeID: 1,
      AffectedSOPClassUID: COMMITMENT,
      AffectedSOPInstanceUID: INSTANCE,
    });
    expect(harness.commitments.requests).toEqual([
      {
        transactionUid: '1.2.3',
        requestorAet: 'MODALITY',
        references: ['1.2.1', '1.2.2'].map((sopInstanceUid) => ({ sopClassUid: CT, sopInstanceUid })),
      },
    ]);
  });

  const cases: [string, DicomJson, Partial<NServiceRequest>, number][] = [
    ['another action', action([item('1.2')]), { actionTypeId: 2 }, 0x0123],
    ['another instance', action([item('1.2')]), { sopInstanceUid: '1.2.3' }, 0x0112],
    ['another service', action([item('1.2')]), { commandField: COMMAND.create }, 0x0211],
    ['no data set', {}, {}, 0x0120],
    ['no Transaction UID', { '00081199': { vr: 'SQ', Value: [item('1.2')] } }, {}, 0x0120],
    ['a Transaction UID that is none', action([item('1.2')], '../../etc'), {}, 0x0115],
    ['no references', action([]), {}, 0x0120],
    ['a reference without instance', action([item('1.2', { '00081155': { vr: 'UI' } })]), {}, 0x0120],
    ['a reference that is no UID', action([item('x')]), {}, 0x0115],
  ];
  it.each(cases)('refuses %s', async (_what, json, more, status) => {
    const { port } = await harness.start({ peers });
    const association = await harness.connect(port, { contexts });
    expect((await act(association, json, more)).status).toBe(status);
    expect(harness.commitments.requests).toEqual([]);
    expect((await act(association, action([item('1.2')]))).status).toBe(0);
  });

  it('refuses a damaged data set', async () => {
    const { port } = await harness.start({ peers });
    const association = await harness.connect(port, { contexts });
    const dataSet = encodeDataSet(action([item('1.2')]), IMPLICIT).subarray(0, -3);
    expect((await act(association, {}, { dataSet })).status).toBe(0x0115);
  });

  it('refuses another SOP class in its context', async () => {
    const { port } = await harness.start({ peers });
    const association = await harness.connect(port, { contexts });
    const [context] = association.agreement.contexts;
    expect((await act(association, action([item('1.2')]), { sopClassUid: '1.2.840.10008.1.20.2', context: context! })).status).toBe(0x0118);
  });

  it('refuses a caller to whom no report could be sent', async () => {
    const { port } = await harness.start({ peers });
    const association = await harness.connect(port, { contexts, callingAet: 'STRANGER' });
    const { command } = await act(association, action([item('1.2')]));
    expect(command).toMatchObject({ Status: 0x0110, ErrorComment: 'No address is configured for the calling AE title.' });
  });

  it('does not say success when the request could not be kept', async () => {
    harness.commitments.refusal = new CairnError('metadata-store.unavailable', 'Down.', { retriable: true });
    const { port } = await harness.start({ peers });
    expect((await act(await harness.connect(port, { contexts }), action([item('1.2')]))).status).toBe(0x0110);
  });

  it('grants nobody the role of an SCP: reports are not for us', async () => {
    const { port } = await harness.start({ peers });
    const roles = { scu: true, scp: true };
    const association = await harness.connect(port, { contexts: [{ ...contexts[0]!, roles }] });
    expect(association.agreement.contexts).toMatchObject([{ scu: true, scp: false }]);
  });
});

describe('N-EVENT-REPORT of storage commitment', () => {
  it.each([EXPLICIT, IMPLICIT])('reports on an association of ours in the role of the SCP (%s)', async (syntax) => {
    const modality = new Modality();
    const peers = new Map([['MODALITY', { host: '127.0.0.1', port: await modality.listen(syntax) }]]);
    const { port } = await harness.start({ peers });
    await act(await harness.connect(port, { contexts }), action([item('1.2.1')]));
    await modality.reported(1);
    const [{ operation, json }] = modality.reports as [Modality['reports'][number]];
    expect(modality.roles).toEqual([{ sopClassUid: COMMITMENT, scu: false, scp: true }]);
    expect(operation.association.agreement).toMatchObject({ callingAet: 'CAIRN', calledAet: 'MODALITY' });
    expect(operation.command).toMatchObject({
      CommandField: COMMAND.eventReport,
      EventTypeID: 1,
      AffectedSOPClassUID: COMMITMENT,
      AffectedSOPInstanceUID: INSTANCE,
    });
    expect(json).toEqual({ '00080054': { vr: 'AE', Value: ['CAIRN'] }, ...action([item('1.2.1')]) });
  });

  it('reports some failed as event 2, the good ones beside them', async () => {
    const modality = new Modality();
    const peers = new Map([['MODALITY', { host: '127.0.0.1', port: await modality.listen(EXPLICIT) }]]);
    const [good, bad] = ['1.2.1', '1.2.2'].map((sopInstanceUid) => ({ sopClassUid: CT, sopInstanceUid }));
    const failed = [{ ...bad!, reason: FAILURE_REASON.noSuchInstance }];
    harness.commitments.due.push({ transactionUid: '1.2.3', requestorAet: 'MODALITY', committed: [good!], failed });
    harness.commitments.due.push({ transactionUid: '1.2.4', requestorAet: 'MODALITY', committed: [], failed });
    await harness.start({ peers });
    await modality.reported(2);
    const failedItem = item('1.2.2', { '00081197': { vr: 'US', Value: [0x0112] } });
    const byUid = modality.reports.toSorted((a, b) => (uidOf(a.json) < uidOf(b.json) ? -1 : 1));
    expect(byUid.map(({ operation }) => operation.command.EventTypeID)).toEqual([2, 2]);
    expect(byUid[0]!.json).toMatchObject({ '00081198': { Value: [failedItem] }, '00081199': { Value: [item('1.2.1')] } });
    expect(byUid[1]!.json).toMatchObject({ '00081198': { Value: [failedItem] } });
    expect(byUid[1]!.json).not.toHaveProperty('00081199');
  });

  it.each([
    [
      'answers with a failure',
      'dimse.protocol',
      async (modality: Modality) => ((modality.status = 0x0110), await modality.listen(EXPLICIT)),
    ],
    [
      'takes no report',
      'dimse.no-context',
      async (modality: Modality) =>
        await modality.listen(EXPLICIT, { onAssociate: () => ({ decideContext: () => ({ result: 3 as const }) }) }),
    ],
    [
      'rejects the association',
      'dimse.association-rejected',
      async (modality: Modality) =>
        await modality.listen(EXPLICIT, { onAssociate: () => ({ rejection: { result: 1, source: 1, reason: 7 } }) }),
    ],
    [
      'grants us no role and insists on it',
      'dimse.protocol',
      async (modality: Modality) =>
        await modality.listen(EXPLICIT, {
          onAssociate: () => ({ decideContext: () => ({ result: 0 as const, transferSyntaxUid: EXPLICIT }) }),
        }),
    ],
    ['is not there', 'dimse.aborted', async () => await Promise.resolve(1)],
  ])('counts a report as undone when the peer %s', async (_what, code, listen) => {
    const peerPort = await listen(new Modality());
    harness.commitments.due.push({ transactionUid: '1.2.3', requestorAet: 'MODALITY', committed: [], failed: [] });
    await harness.start({ peers: new Map([['MODALITY', { host: '127.0.0.1', port: peerPort }]]) });
    await expectFailure(code);
  });

  it('counts a report as undone when its requestor has no address any more', async () => {
    harness.commitments.due.push({ transactionUid: '1.2.3', requestorAet: 'GONE', committed: [], failed: [] });
    await harness.start();
    await expectFailure('dimse.unknown-destination');
  });

  it('goes on after the requests could not be had', async () => {
    const modality = new Modality();
    const peers = new Map([['MODALITY', { host: '127.0.0.1', port: await modality.listen(EXPLICIT) }]]);
    harness.commitments.outages = 1;
    harness.commitments.due.push({ transactionUid: '1.2.3', requestorAet: 'MODALITY', committed: [], failed: [] });
    await harness.start({ peers });
    await modality.reported(1);
  });

  it('lets a report under way end when the gateway stops', async () => {
    const modality = new Modality();
    let answer = (): void => {};
    const asked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const peerPort = await modality.listen(EXPLICIT, {
      onNService: async (operation, dataSet) => {
        modality.reports.push({ operation, json: decodeDataSet(dataSet, EXPLICIT) });
        answer();
        await new Promise((resolve) => setTimeout(resolve, 200));
        return { status: 0 };
      },
    });
    harness.commitments.due.push({ transactionUid: '1.2.3', requestorAet: 'MODALITY', committed: [], failed: [] });
    const peers = new Map([['MODALITY', { host: '127.0.0.1', port: peerPort }]]);
    const { app } = await harness.start({ peers, timeouts: { drainMs: 10_000 } });
    await asked;
    await app.close();
    expect(harness.commitments.failures).toEqual([]);
    expect(harness.commitments.due).toEqual([]);
  });
});

async function expectFailure(code: string): Promise<void> {
  while (harness.commitments.failures.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(harness.commitments.failures[0]).toMatchObject({ code });
  expect(harness.commitments.due).toHaveLength(1);
}

function uidOf(json: DicomJson): string {
  return json['00081195']!.Value![0] as string;
}
