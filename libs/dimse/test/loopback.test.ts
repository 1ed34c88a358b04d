import { afterEach, describe, expect, it } from '@jest/globals';
import { COMMAND, DimseClient, REJECTION, STATUS } from '../src/index.ts';
import type { ServerHandlers, ServerOptions } from '../src/index.ts';
import { CT, EXPLICIT, Harness, STUDY_FIND, STUDY_GET, STUDY_MOVE, bytesOf, to } from './harness.ts';

const harness = new Harness();
afterEach(async () => await harness.close());

async function serve(handlers: Partial<ServerHandlers>, options: Partial<ServerOptions> = {}): Promise<number> {
  return (await harness.serve(handlers, options)).port;
}

async function* chunked(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size);
}

const pattern = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, index) => (index * 31) % 251));

describe('both roles over loopback', () => {
  it('answers C-ECHO and releases', async () => {
    const association = await DimseClient.connect(to(await serve({})));
    expect(await association.echo()).toBe(STATUS.success);
    await association.release();
    expect(await association.closed).toBeUndefined();
  });

  it.each([1, 1000, 40_000, 300_000])('C-STORE passes %i bytes unchanged, in any chunking and to any maximum length', async (length) => {
    const received: Buffer[] = [];
    const onStore: ServerHandlers['onStore'] = async (_operation, dataSet) => {
      received.push(await bytesOf(dataSet));
      return { status: STATUS.success };
    };
    const data = pattern(length);
    for (const maxPduLength of [4096, 262_144]) {
      const association = await DimseClient.connect(to(await serve({ onStore }, { maxPduLength })));
      for (const dataSet of [data, chunked(data, 7777)]) {
        const response = await association.store({ sopClassUid: CT, sopInstanceUid: '1.2.3', transferSyntaxUid: EXPLICIT, dataSet });
        expect(response.status).toBe(STATUS.success);
        expect(received.pop()!.equals(data)).toBe(true);
      }
      await association.release();
    }
  });

  it('drains the rest of a data set that its handler refuses, then answers', async () => {
    const onStore: ServerHandlers['onStore'] = async () => await Promise.resolve({ status: 0xa700, errorComment: 'No space é left' });
    const association = await DimseClient.connect(to(await serve({ onStore })));
    const dataSet = chunked(pattern(2_000_000), 50_000);
    const response = await association.store({ sopClassUid: CT, sopInstanceUid: '1.2.3', transferSyntaxUid: EXPLICIT, dataSet });
    expect(response.command).toMatchObject({ Status: 0xa700, ErrorComment: 'No space ? left', AffectedSOPInstanceUID: '1.2.3' });
    expect(await association.echo()).toBe(0);
    await association.release();
  });

  it('gives C-FIND answers in order and the final status', async () => {
    const association = await DimseClient.connect(
      to(
        await serve({
          async *onFind(_operation, identifier) {
            for (let index = 0; index < 5; index++)
              yield { status: STATUS.pendingOptionalKey, identifier: Buffer.concat([identifier, Buffer.from([index])]) };
            return { status: STATUS.success };
          },
        }),
      ),
    );
    const seen = [];
    for await (const { status, dataSet } of association.find(STUDY_FIND, Buffer.from([9]))) seen.push([status, dataSet && [...dataSet]]);
    expect(seen).toEqual([...[0, 1, 2, 3, 4].map((index) => [0xff01, [9, index]]), [0, undefined]]);
    await association.release();
  });

  it('case 20: C-CANCEL ends a C-FIND at once with FE00 and returns from its source', async () => {
    let returned = false;
    const association = await DimseClient.connect(
      to(
        await serve({
          async *onFind(operation) {
            try {
              yield { identifier: Buffer.from([1, 2]) };
              await new Promise((resolve) => operation.signal.addEventListener('abort', resolve));
              return { status: 0 };
            } finally {
              returned = true;
            }
          },
        }),
      ),
    );
    const cancel = new AbortController();
    const statuses = [];
    for await (const { status } of association.find(STUDY_FIND, Buffer.from([0, 0]), { signal: cancel.signal })) {
      statuses.push(status);
      cancel.abort();
    }
    expect(statuses).toEqual([STATUS.pending, STATUS.cancel]);
    expect(await association.echo()).toBe(0);
    expect(returned).toBe(true);
    await association.release();
  });

  it('runs C-GET sub-operations on the same association', async () => {
    const port = await serve({
      async *onGet(operation) {
        const request = { sopClassUid: CT, transferSyntaxUid: EXPLICIT, dataSet: pattern(100_000) };
        for (let index = 1; index <= 3; index++) {
          const response = await operation.association.store({ ...request, sopInstanceUid: `1.2.${index}` });
          yield { subOperations: { remaining: 3 - index, completed: index, failed: 0, warning: response.status } };
        }
        return { status: 0, subOperations: { completed: 3, failed: 0, warning: 0 } };
      },
    });
    const got: (string | undefined)[] = [];
    const contexts = [
      { abstractSyntaxUid: STUDY_GET, transferSyntaxUids: [EXPLICIT] },
      { abstractSyntaxUid: CT, transferSyntaxUids: [EXPLICIT], roles: { scu: false, scp: true } },
    ];
    const onStore: ServerHandlers['onStore'] = async (operation, dataSet) => {
      expect((await bytesOf(dataSet)).length).toBe(100_000);
      got.push(operation.command.AffectedSOPInstanceUID);
      return { status: 0 };
    };
    const association = await DimseClient.connect(to(port, { contexts, handlers: { onStore } }));
    const counts = [];
    for await (const { command } of association.get(STUDY_GET, Buffer.from([0, 0]))) {
      counts.push([command.NumberOfRemainingSuboperations, command.NumberOfCompletedSuboperations]);
    }
    expect(got).toEqual(['1.2.1', '1.2.2', '1.2.3']);
    expect(counts).toEqual([[2, 1], [1, 2], [0, 3], [undefined, 3]]); // prettier-ignore
    await association.release();
  });

  it.each(['../../etc/x', '/etc/passwd', '1.2.3\0.4', `1.${'2'.repeat(300)}`, '`reboot`', ''])(
    'case 11, case 12, case 13: an instance named %j reaches no handler, neither of a server nor of a client that retrieves',
    async (sopInstanceUid) => {
      const reached: unknown[] = [];
      const onStore: ServerHandlers['onStore'] = async ({ command }) => {
        reached.push(command.AffectedSOPInstanceUID);
        return await Promise.resolve({ status: 0 });
      };
      const request = { sopClassUid: CT, sopInstanceUid, transferSyntaxUid: EXPLICIT, dataSet: pattern(100_000) };
      const answers: unknown[] = [];
      const port = await serve({
        onStore,
        async *onGet(operation) {
          answers.push((await operation.association.store(request)).command);
          yield { subOperations: { remaining: 0, completed: 0, failed: 1, warning: 0 } };
          return { status: 0 };
        },
      });
      const contexts = [
        { abstractSyntaxUid: STUDY_GET, transferSyntaxUids: [EXPLICIT] },
        { abstractSyntaxUid: CT, transferSyntaxUids: [EXPLICIT], roles: { scu: true, scp: true } },
      ];
      const association = await DimseClient.connect(to(port, { contexts, handlers: { onStore } }));
      answers.push((await association.store(request)).command);
      for await (const { status } of association.get(STUDY_GET, Buffer.from([0, 0]))) expect([STATUS.pending, 0]).toContain(status);
      expect(answers).toMatchObject([1, 2].map(() => ({ Status: STATUS.invalidInstance, OffendingElement: ['00001000'] })));
      expect(reached).toEqual([]);
      await association.release();
    },
  );

  it('carries the N-services', async () => {
    const port = await serve({
      onNService: async (operation, dataSet) =>
        await Promise.resolve({
          status: 0,
          sopInstanceUid: '1.9',
          dataSet: Buffer.concat([dataSet, Buffer.from([operation.command.CommandField & 0xff])]),
        }),
    });
    const association = await DimseClient.connect(to(port));
    const { command, dataSet } = await association.nService({
      commandField: COMMAND.action,
      sopClassUid: CT,
      sopInstanceUid: '1.2',
      actionTypeId: 1,
      dataSet: Buffer.from([7]),
    });
    expect(command).toMatchObject({ Status: 0, ActionTypeID: 1, AffectedSOPInstanceUID: '1.9' });
    expect([...dataSet!]).toEqual([7, 0x30]);
    await association.release();
  });

  it('reports events to the SCU, on an association of either', async () => {
    const port = await serve({
      onNService: async ({ command }) => await Promise.resolve({ status: command.EventTypeID === 2 ? 0 : 0x0110 }),
    });
    const report = { commandField: COMMAND.eventReport, sopClassUid: CT, sopInstanceUid: '1.2', eventTypeId: 2 };
    for (const [scp, status] of [
      [true, STATUS.success],
      [false, STATUS.sopClassNotSupported],
    ] as const) {
      const contexts = [{ abstractSyntaxUid: CT, transferSyntaxUids: [EXPLICIT], roles: { scu: !scp, scp } }];
      const association = await DimseClient.connect(to(port, { contexts }));
      const [context] = association.agreement.contexts;
      expect((await association.nService({ ...report, context: context! })).command).toMatchObject({ Status: status, EventTypeID: 2 });
      await association.release();
    }
  });

  it('answers 0211 for a service without handler', async () => {
    const association = await DimseClient.connect(to(await serve({})));
    for await (const { status } of association.move(STUDY_MOVE, 'DEST', Buffer.from([0, 0])))
      expect(status).toBe(STATUS.unrecognizedOperation);
    await association.release();
  });

  it('tells a rejection with its codes', async () => {
    const port = await serve({ onAssociate: () => ({ rejection: REJECTION.calledAet }) });
    await expect(DimseClient.connect(to(port))).rejects.toMatchObject({
      code: 'dimse.association-rejected',
      details: { result: 1, source: 1, reason: 7 },
    });
  });
});
