import { afterEach, describe, expect, it } from '@jest/globals';
import { CairnError } from '@cairn/core';
import { dataSetOffset, aStudy } from '@cairn/testing';
import { CT, EXPLICIT, GatewayHarness, IMPLICIT, JPEG } from './harness.ts';

let harness = new GatewayHarness();
afterEach(async () => {
  await harness.close();
  harness = new GatewayHarness();
});

const [slice] = aStudy({ rows: 16, columns: 16 }).instances;
const file = slice!.bytes();
const dataSet = file.subarray(dataSetOffset(file));
const { sopClassUid, sopInstanceUid } = slice!;
const store = { sopClassUid: CT, sopInstanceUid: '1.2.3', transferSyntaxUid: EXPLICIT, dataSet };

describe('C-STORE', () => {
  it('hands meta information and the data set unchanged to the archive, with what was announced and who sent it', async () => {
    const { port } = await harness.start();
    const contexts = [{ abstractSyntaxUid: sopClassUid, transferSyntaxUids: [EXPLICIT] }];
    const association = await harness.connect(port, { contexts });
    const response = await association.store({ sopClassUid, sopInstanceUid, transferSyntaxUid: EXPLICIT, dataSet });
    expect(response).toMatchObject({ status: 0, command: { AffectedSOPInstanceUID: sopInstanceUid } });
    const [{ request, bytes } = harness.archive.received[0]!] = harness.archive.received;
    expect(request).toEqual({
      source: { protocol: 'dimse', callingAet: 'MODALITY', calledAet: 'CAIRN', address: '127.0.0.1' },
      announced: { sopClassUid, sopInstanceUid },
    });
    expect(bytes.subarray(128, 132).toString()).toBe('DICM');
    expect(bytes.subarray(dataSetOffset(bytes)).equals(dataSet)).toBe(true);
  });

  it('takes private SOP classes, compressed, video and private syntaxes, each in the first syntax that is known', async () => {
    const { port } = await harness.start();
    const association = await harness.connect(port, {
      contexts: [
        { abstractSyntaxUid: '1.3.12.2.1107.5.9.1', transferSyntaxUids: [EXPLICIT] },
        { abstractSyntaxUid: CT, transferSyntaxUids: ['1.2.840.10008.9.9.9', JPEG, EXPLICIT] },
        { abstractSyntaxUid: CT, transferSyntaxUids: ['1.2.840.113619.5.2'] },
        { abstractSyntaxUid: '1.2.840.10008.5.1.4.1.1.9999', transferSyntaxUids: [IMPLICIT] },
        { abstractSyntaxUid: CT, transferSyntaxUids: ['1.2.840.10008.9.9.9'] },
        { abstractSyntaxUid: '1.2.840.10008.3.1.2.3.3', transferSyntaxUids: [IMPLICIT] },
      ],
    });
    expect(association.agreement.contexts.map(({ id, transferSyntaxUid }) => [id, transferSyntaxUid])).toEqual([
      [1, EXPLICIT],
      [3, JPEG],
      [5, '1.2.840.113619.5.2'],
      [7, IMPLICIT],
    ]);
  });

  it('takes only known classes and syntaxes when told so', async () => {
    const { port } = await harness.start({ acceptUnknownStorage: false });
    const association = await harness.connect(port, {
      contexts: [
        { abstractSyntaxUid: '1.3.12.2.1107.5.9.1', transferSyntaxUids: [EXPLICIT] },
        { abstractSyntaxUid: CT, transferSyntaxUids: ['1.2.840.113619.5.2'] },
        { abstractSyntaxUid: CT, transferSyntaxUids: [EXPLICIT] },
      ],
    });
    expect(association.agreement.contexts.map(({ id }) => id)).toEqual([5]);
  });

  it.each(['../../etc/x', '/etc/passwd', '1.2.3\0.4', `1.${'2'.repeat(300)}`, '$(reboot)', ''])(
    'case 11, case 13: an instance UID %j is refused before anything is received',
    async (uid) => {
      const { port } = await harness.start();
      const association = await harness.connect(port);
      expect(await association.store({ ...store, sopInstanceUid: uid })).toMatchObject({
        status: 0x0117,
        command: { OffendingElement: ['00001000'] },
      });
      expect(harness.archive.received).toEqual([]);
      expect(await association.echo()).toBe(0);
    },
  );

  it.each([
    ['archive.identifier-mismatch', 0xa900],
    ['object-store.full', 0xa700],
    ['dicom.truncated', 0xc002],
    ['internal.unexpected', 0x0110],
  ] as const)('case 14: a refusal %s is answered %i with a comment; the association goes on', async (code, status) => {
    const { port } = await harness.start();
    harness.archive.refusal = new CairnError(code, 'Short reason without patient data, but rather longer than sixty-four characters.');
    const association = await harness.connect(port);
    const response = await association.store({ ...store, dataSet: Buffer.alloc(3_000_000) });
    expect(response.status).toBe(status);
    expect(response.command.ErrorComment).toBe('Short reason without patient data, but rather longer than sixty-');
    harness.archive.refusal = undefined;
    expect((await association.store(store)).status).toBe(0);
  });

  it('works on several instances of one association at once where a window is negotiated', async () => {
    const { port } = await harness.start();
    let [running, most] = [0, 0];
    harness.archive.onReceive = async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 20));
      running -= 1;
    };
    const windows = [undefined, { invoked: 4, performed: 1 }];
    for (const [index, expected] of [1, 4].entries()) {
      const asynchronousOperations = windows[index];
      const association = await harness.connect(port, asynchronousOperations ? { asynchronousOperations } : {});
      most = 0;
      const responses = await Promise.all(Array.from({ length: 8 }, async () => await association.store(store)));
      expect(responses.every(({ status }) => status === 0)).toBe(true);
      expect(most).toBe(expected);
    }
  });
});
