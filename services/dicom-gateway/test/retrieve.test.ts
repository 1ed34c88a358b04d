import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ConnectOptions, Operation } from '@cairn/dimse';
import { REJECTION } from '@cairn/dimse';
import { aStudy } from '@cairn/testing';
import {
  EXPLICIT,
  FIND,
  GET,
  GatewayHarness,
  IMPLICIT,
  MOVE,
  PATIENT_ROOT,
  STUDY_ROOT,
  all,
  drain,
  firstAccepted,
  identifier,
} from './harness.ts';

let harness = new GatewayHarness();
beforeEach(() => {
  harness = new GatewayHarness();
});
afterEach(async () => await harness.close());

const small = { rows: 4, columns: 4 };
const study = aStudy({ seed: 1, series: 2, instances: 5, ...small });
const sopUids = study.instances.map(({ sopInstanceUid }) => sopInstanceUid);
const sopClassUid = study.instances[0]!.sopClassUid;
const whole = identifier('STUDY', { '0020000D': study.studyInstanceUid });

/** What arrived at a storage SCP. */
class Received {
  readonly operations: Operation[] = [];
  readonly sizes: number[] = [];
  status = 0;

  readonly onStore = async (operation: Operation, dataSet: AsyncIterable<Uint8Array>): Promise<{ status: number }> => {
    this.sizes.push((await drain(dataSet)).length);
    this.operations.push(operation);
    return { status: this.status };
  };

  get uids(): (string | undefined)[] {
    return this.operations.map(({ command }) => command.AffectedSOPInstanceUID);
  }
}

function getter(received: Received, transferSyntaxUids: readonly string[] = [EXPLICIT]): Partial<ConnectOptions> {
  return {
    contexts: [
      { abstractSyntaxUid: STUDY_ROOT + GET, transferSyntaxUids: [EXPLICIT] },
      { abstractSyntaxUid: PATIENT_ROOT + GET, transferSyntaxUids: [EXPLICIT] },
      { abstractSyntaxUid: sopClassUid, transferSyntaxUids, roles: { scu: false, scp: true } },
    ],
    handlers: { onStore: received.onStore },
  };
}

describe('C-GET', () => {
  it.each([
    ['STUDY', STUDY_ROOT, { '0020000D': study.studyInstanceUid }, 10],
    ['SERIES', STUDY_ROOT, { '0020000D': study.studyInstanceUid, '0020000E': study.seriesInstanceUids[1]! }, 5],
    ['SERIES', STUDY_ROOT, { '0020000D': study.studyInstanceUid, '0020000E': study.seriesInstanceUids.join('\\') }, 10],
    [
      'IMAGE',
      STUDY_ROOT,
      { '0020000D': study.studyInstanceUid, '0020000E': study.seriesInstanceUids[0]!, '00080018': sopUids.slice(0, 3).join('\\') },
      3,
    ],
    ['PATIENT', PATIENT_ROOT, { '00100020': study.patientId }, 10],
    ['STUDY', STUDY_ROOT, { '0020000D': '1.2.3' }, 0],
  ])('sends what level %s names, with exact counters', async (level, root, keys, count) => {
    const { port } = await harness.start();
    harness.archive.hold(...study.instances, ...aStudy({ seed: 2, patientId: 'OTHER', ...small }).instances);
    const received = new Received();
    const association = await harness.connect(port, getter(received));
    const responses = await all(association.get(root + GET, identifier(level, keys)));
    expect(received.operations).toHaveLength(count);
    expect(responses.slice(0, -1).map(({ command }) => command.NumberOfRemainingSuboperations)).toEqual(
      Array.from({ length: count }, (_, index) => count - 1 - index),
    );
    const final = responses.at(-1)!.command;
    expect([final.Status, final.NumberOfCompletedSuboperations, final.NumberOfFailedSuboperations]).toEqual([0, count, 0]);
    expect(final.NumberOfRemainingSuboperations).toBeUndefined();
  });

  it('re-encodes an uncompressed instance for a context that takes another syntax only', async () => {
    const { port } = await harness.start();
    harness.archive.hold(...study.instances);
    const received = new Received();
    const association = await harness.connect(port, getter(received, [IMPLICIT]));
    expect((await all(association.get(STUDY_ROOT + GET, whole))).at(-1)!.command).toMatchObject({
      Status: 0,
      NumberOfCompletedSuboperations: 10,
    });
    expect(received.operations.every(({ context }) => context.transferSyntaxUid === IMPLICIT)).toBe(true);
  });

  it('lists as failed what has no context or cannot be read: B000, or A702 when nothing could be sent', async () => {
    const { port } = await harness.start();
    const jpeg = aStudy({
      seed: 1,
      studyInstanceUid: study.studyInstanceUid,
      transferSyntaxUid: '1.2.840.10008.1.2.4.50',
      ...small,
      bitsAllocated: 8,
    });
    harness.archive.hold(...study.instances, ...jpeg.instances);
    harness.archive.broken.add(sopUids[4]!);
    const association = await harness.connect(port, getter(new Received()));
    const final = (await all(association.get(STUDY_ROOT + GET, whole))).at(-1)!;
    expect(final.command).toMatchObject({ Status: 0xb000, NumberOfCompletedSuboperations: 9, NumberOfFailedSuboperations: 2 });
    expect(new Set(final.json!['00080058']!.Value)).toEqual(new Set([sopUids[4], jpeg.instances[0]!.sopInstanceUid]));
    const none = await harness.connect(port, getter(new Received(), ['1.2.840.10008.1.2.4.90']));
    expect((await all(none.get(STUDY_ROOT + GET, whole))).at(-1)!.command).toMatchObject({
      Status: 0xa702,
      NumberOfFailedSuboperations: 11,
    });
  });

  it('case 20: C-CANCEL stops after the sub-operation under way; FE00 tells what remains', async () => {
    const { port } = await harness.start();
    harness.archive.hold(...study.instances);
    const cancel = new AbortController();
    const received = new Received();
    const options = getter(received);
    options.handlers!.onStore = async (operation, dataSet) => {
      if (received.operations.length === 2) cancel.abort();
      return await received.onStore(operation, dataSet);
    };
    const association = await harness.connect(port, options);
    const final = (await all(association.get(STUDY_ROOT + GET, whole, { signal: cancel.signal }))).at(-1)!.command;
    expect(final.Status).toBe(0xfe00);
    expect(final.NumberOfCompletedSuboperations! + final.NumberOfRemainingSuboperations!).toBe(10);
    expect(final.NumberOfCompletedSuboperations).toBeLessThan(10);
  });

  it.each([
    ['no unique key', STUDY_ROOT, 'STUDY', {}, '0020000D'],
    ['a wildcard as unique key', STUDY_ROOT, 'STUDY', { '0020000D': '*' }, '0020000D'],
    ['a series without its study', STUDY_ROOT, 'SERIES', { '0020000E': '1.2' }, '0020000D'],
  ])('refuses %s', async (_what, root, level, keys, offending) => {
    const { port } = await harness.start();
    const association = await harness.connect(port, getter(new Received()));
    expect(await all(association.get(root + GET, identifier(level, keys)))).toMatchObject([
      { status: 0xa900, command: { OffendingElement: [offending] } },
    ]);
  });

  it('finds a series by its UID alone when relational retrieval is negotiated', async () => {
    const { port } = await harness.start();
    harness.archive.hold(...study.instances);
    const received = new Received();
    const extendedNegotiations = [{ sopClassUid: STUDY_ROOT + GET, information: Uint8Array.of(1) }];
    const association = await harness.connect(port, { ...getter(received), extendedNegotiations });
    await all(association.get(STUDY_ROOT + GET, identifier('SERIES', { '0020000E': study.seriesInstanceUids[0]! })));
    expect(received.uids).toEqual(sopUids.slice(0, 5));
  });
});

describe('C-MOVE', () => {
  async function moveTo(port: number, extra: object = {}): Promise<ReturnType<typeof all>> {
    const { port: gatewayPort } = await harness.start({ peers: new Map([['DEST', { host: '127.0.0.1', port }]]), ...extra });
    const association = await harness.connect(gatewayPort);
    return await all(association.move(STUDY_ROOT + MOVE, 'DEST', whole));
  }

  it('case 15: an unknown destination is answered A801', async () => {
    const { port } = await harness.start();
    const association = await harness.connect(port);
    expect(await all(association.move(STUDY_ROOT + MOVE, 'NOWHERE', whole))).toMatchObject([{ status: 0xa801 }]);
  });

  it('answers 0000 with zero counters when nothing matches, without an association', async () => {
    expect((await moveTo(1)).map(({ command }) => [command.Status, command.NumberOfCompletedSuboperations])).toEqual([[0, 0]]);
  });

  it('sends over several associations, tells who asked, and counts exactly', async () => {
    harness.archive.hold(...study.instances);
    const received = new Received();
    const responses = await moveTo(await harness.destination(received.onStore));
    expect(new Set(received.uids)).toEqual(new Set(sopUids));
    expect(received.operations).toHaveLength(10);
    expect(new Set(received.operations.map(({ association }) => association)).size).toBe(3);
    expect(received.operations[0]!.command).toMatchObject({ MoveOriginatorApplicationEntityTitle: 'MODALITY', MoveOriginatorMessageID: 1 });
    expect(received.operations[0]!.association.agreement).toMatchObject({ callingAet: 'CAIRN', calledAet: 'DEST' });
    expect(responses.at(-1)!.command).toMatchObject({
      Status: 0,
      NumberOfCompletedSuboperations: 10,
      NumberOfFailedSuboperations: 0,
      NumberOfWarningSuboperations: 0,
    });
    for (const { command } of responses.slice(0, -1)) {
      expect(command.NumberOfRemainingSuboperations! + command.NumberOfCompletedSuboperations!).toBe(10);
    }
  });

  it('falls back to a little endian syntax that the destination takes', async () => {
    harness.archive.hold(...study.instances);
    const received = new Received();
    const responses = await moveTo(await harness.destination(received.onStore, (uid) => uid === IMPLICIT));
    expect(responses.at(-1)!.command).toMatchObject({ Status: 0, NumberOfCompletedSuboperations: 10 });
    expect(new Set(received.operations.map(({ context }) => context.transferSyntaxUid))).toEqual(new Set([IMPLICIT]));
  });

  it('counts warnings and refusals of the destination and lists the failed', async () => {
    harness.archive.hold(...study.instances);
    const port = await harness.destination(async ({ command }, dataSet) => {
      await drain(dataSet);
      const index = sopUids.indexOf(command.AffectedSOPInstanceUID!);
      return { status: index === 0 ? 0xb000 : index < 3 ? 0xa700 : 0 };
    });
    const final = (await moveTo(port)).at(-1)!;
    expect(final.command).toMatchObject({
      Status: 0xb000,
      NumberOfCompletedSuboperations: 7,
      NumberOfFailedSuboperations: 2,
      NumberOfWarningSuboperations: 1,
    });
    expect(new Set(final.json!['00080058']!.Value)).toEqual(new Set(sopUids.slice(1, 3)));
  });

  it('reports all as failed when the destination cannot be reached or refuses the association', async () => {
    harness.archive.hold(...study.instances);
    const refusing = await harness.destination(
      new Received().onStore,
      () => true,
      () => ({ rejection: REJECTION.callingAet }),
    );
    for (const port of [1, refusing]) {
      const final = (await moveTo(port)).at(-1)!;
      expect(final.command).toMatchObject({ Status: 0xa702, NumberOfCompletedSuboperations: 0, NumberOfFailedSuboperations: 10 });
      expect(final.json!['00080058']!.Value).toHaveLength(10);
    }
  });

  it('goes on with one association when the destination takes no more', async () => {
    harness.archive.hold(...study.instances);
    const received = new Received();
    let open = 0;
    const port = await harness.destination(
      received.onStore,
      () => true,
      () => (++open > 1 ? { rejection: REJECTION.localLimitExceeded } : { decideContext: firstAccepted(() => true) }),
    );
    expect((await moveTo(port)).at(-1)!.command).toMatchObject({ Status: 0, NumberOfCompletedSuboperations: 10 });
  });

  it('does not wait for a destination that takes one association and leaves the others in its queue', async () => {
    harness.archive.hold(...study.instances);
    const received = new Received();
    let open = 0;
    const port = await harness.destination(received.onStore, undefined, async () => {
      if (++open > 1) await new Promise(() => {});
      return { decideContext: firstAccepted(() => true) };
    });
    expect((await moveTo(port)).at(-1)!.command).toMatchObject({ Status: 0, NumberOfCompletedSuboperations: 10 });
  });

  it('opens the association again when the destination drops it, with that one sub-operation failed', async () => {
    harness.archive.hold(...study.instances);
    let count = 0;
    const received = new Received();
    const port = await harness.destination(async (operation, dataSet) => {
      if (++count === 4) operation.association.abort();
      return await received.onStore(operation, dataSet);
    });
    const final = (await moveTo(port, { moveAssociations: 1 })).at(-1)!.command;
    expect(final).toMatchObject({ Status: 0xb000, NumberOfCompletedSuboperations: 9, NumberOfFailedSuboperations: 1 });
  });

  it('case 16: a destination that does not answer fails in time, the counts are right, other peers are served', async () => {
    harness.archive.hold(...study.instances);
    const port = await harness.destination(async () => await new Promise(() => {}));
    const { port: gatewayPort } = await harness.start({
      peers: new Map([['DEST', { host: '127.0.0.1', port }]]),
      timeouts: { responseMs: 100, drainMs: 0 },
      moveAssociations: 2,
    });
    const association = await harness.connect(gatewayPort);
    const moving = all(association.move(STUDY_ROOT + MOVE, 'DEST', whole));
    const other = await harness.connect(gatewayPort);
    expect((await all(other.find(STUDY_ROOT + FIND, identifier('STUDY', { '0020000D': '' })))).map(({ status }) => status)).toEqual([
      0xff00, 0,
    ]);
    expect((await moving).at(-1)!.command).toMatchObject({
      Status: 0xa702,
      NumberOfFailedSuboperations: 10,
      NumberOfCompletedSuboperations: 0,
    });
  });

  it('case 20: C-CANCEL stops a C-MOVE with FE00 and true counters', async () => {
    harness.archive.hold(...study.instances);
    const cancel = new AbortController();
    const received = new Received();
    const port = await harness.destination(async (operation, dataSet) => {
      const outcome = await received.onStore(operation, dataSet);
      if (received.operations.length === 3) cancel.abort();
      await new Promise((resolve) => setTimeout(resolve, 20));
      return outcome;
    });
    const { port: gatewayPort } = await harness.start({ peers: new Map([['DEST', { host: '127.0.0.1', port }]]), moveAssociations: 1 });
    const association = await harness.connect(gatewayPort);
    const final = (await all(association.move(STUDY_ROOT + MOVE, 'DEST', whole, { signal: cancel.signal }))).at(-1)!.command;
    expect(final.Status).toBe(0xfe00);
    expect(final.NumberOfCompletedSuboperations).toBe(received.operations.length);
    expect(final.NumberOfCompletedSuboperations! + final.NumberOfRemainingSuboperations!).toBe(10);
    expect(final.NumberOfCompletedSuboperations).toBeLessThan(10);
  });
});
