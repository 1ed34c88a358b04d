import { afterEach, describe, expect, it } from '@jest/globals';
import { connectScripted, listenScripted } from '@cairn/testing';
import { DimseClient } from '../src/index.ts';
import type { ServerHandlers } from '../src/index.ts';
import { decodeAssociateRequest, encodeAssociateRequest } from '../src/upper-layer/associate.ts';
import type { AssociateRequest } from '../src/upper-layer/associate.ts';
import {
  ABORT_BY_USER,
  ECHOSCU_ASSOCIATE_RQ,
  ECHO_RQ,
  RELEASE_RP,
  RELEASE_RQ,
  abortByProvider,
  dataTf,
  storeCommand,
} from './golden-bytes.ts';
import { CT, EXPLICIT, Harness, STUDY_FIND, associated, readPdu, to } from './harness.ts';

const harness = new Harness();
afterEach(async () => await harness.close());

const echoscu = decodeAssociateRequest(ECHOSCU_ASSOCIATE_RQ.subarray(6));

function requestWith(change: Partial<AssociateRequest>): Buffer {
  return encodeAssociateRequest({ ...echoscu, ...change });
}

const forCt = requestWith({ contexts: [{ id: 1, abstractSyntaxUid: CT, transferSyntaxUids: [EXPLICIT] }] });

async function until(reached: () => boolean): Promise<void> {
  while (!reached()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('association requests from raw peers', () => {
  it('serves echoscu byte by byte', async () => {
    const { port } = await harness.serve();
    const peer = await associated(port);
    for (const byte of ECHO_RQ) await peer.send(Buffer.from([byte]));
    const response = await readPdu(peer);
    expect(response.subarray(10, 12)).toEqual(Buffer.from([1, 3]));
    await peer.send(RELEASE_RQ);
    expect(await peer.readToEnd()).toEqual(RELEASE_RP);
  });

  it.each([
    ['another application context', { applicationContext: '1.2.3' }, [1, 1, 2]],
    ['another protocol version', { protocolVersion: 2 }, [1, 2, 2]],
    ['a maximum length in which nothing fits', { user: { ...echoscu.user, maxPduLength: 7 } }, [1, 1, 1]],
  ])('rejects %s', async (_what, change, codes) => {
    const { port } = await harness.serve();
    const peer = await connectScripted(port);
    const request = requestWith(change);
    if ('protocolVersion' in change) request.writeUInt16BE(change.protocolVersion, 6);
    await peer.send(request);
    expect([...(await peer.readToEnd())]).toEqual([3, 0, 0, 0, 0, 4, 0, ...codes]);
  });

  it('answers each of 128 contexts, and rejects when the decision fails', async () => {
    const { port } = await harness.serve({
      onAssociate: () => ({ decideContext: ({ id }) => (id % 4 === 1 ? { result: 0, transferSyntaxUid: EXPLICIT } : { result: 3 }) }),
    });
    const contexts = Array.from({ length: 128 }, () => ({ abstractSyntaxUid: CT, transferSyntaxUids: [EXPLICIT] }));
    const association = await DimseClient.connect(to(port, { contexts }));
    expect(association.agreement.contexts).toHaveLength(64);
    await association.release();
    const failing = await harness.serve({ onAssociate: () => Promise.reject(new Error('boom')) });
    await expect(DimseClient.connect(to(failing.port))).rejects.toMatchObject({ details: { result: 1, source: 1, reason: 1 } });
    await expect(DimseClient.connect(to(port, { contexts: [...contexts, contexts[0]!] }))).rejects.toMatchObject({
      code: 'dimse.no-context',
    });
  });

  it('passes user identity up and answers it when asked', async () => {
    let seen: AssociateRequest | undefined;
    const { port } = await harness.serve({
      onAssociate: (request) => {
        seen = request;
        return { decideContext: () => ({ result: 0, transferSyntaxUid: EXPLICIT }), userIdentityResponse: Buffer.from('ok') };
      },
    });
    const userIdentity = { type: 2, positiveResponseRequested: true, primary: Buffer.from('ann'), secondary: Buffer.from('secret') };
    const association = await DimseClient.connect(to(port, { userIdentity }));
    expect(seen!.user.userIdentity).toEqual(userIdentity);
    expect(Buffer.from(association.agreement.peer.userIdentityResponse!).toString()).toBe('ok');
  });

  it('case 1: cycles of associating and rejecting, aborting or releasing leave nothing behind', async () => {
    const { server, port } = await harness.serve({
      onAssociate: (request) =>
        request.callingAet === 'BAD' ? { rejection: { result: 1, source: 1, reason: 3 } } : { decideContext: () => ({ result: 3 }) },
    });
    for (let cycle = 0; cycle < 100; cycle++) {
      await expect(DimseClient.connect(to(port, { callingAet: 'BAD' }))).rejects.toThrow();
      (await DimseClient.connect(to(port))).abort();
      await (await DimseClient.connect(to(port))).release();
      (await connectScripted(port)).reset();
    }
    await until(() => server.associations === 0);
    expect(server.connections).toBeLessThanOrEqual(2);
  });

  it('case 2: a connection that says nothing more is closed by ARTIM, others are served', async () => {
    const { port } = await harness.serve({}, { artimMs: 150 });
    const silent = await connectScripted(port);
    await silent.send(Buffer.from([1, 0, 0]));
    const association = await DimseClient.connect(to(port));
    expect(await silent.readToEnd()).toEqual(Buffer.alloc(0));
    expect(await association.echo()).toBe(0);
  });

  it('case 2: a peer that does not close after its rejection is cut by ARTIM', async () => {
    const { port, server } = await harness.serve(
      { onAssociate: () => ({ rejection: { result: 1, source: 1, reason: 1 } }) },
      { artimMs: 100 },
    );
    const peer = await connectScripted(port);
    await peer.send(ECHOSCU_ASSOCIATE_RQ);
    peer.taking(false);
    await until(() => server.connections === 0);
  });

  it.each([
    ['case 3: a P-DATA-TF of 4 GiB', Buffer.from('0400ffffffff0000', 'hex'), abortByProvider(6)],
    ['case 3: a P-DATA-TF one byte beyond the maximum', Buffer.from('0400000400010000', 'hex'), abortByProvider(6)],
    ['an unknown PDU', Buffer.from('0b0000000000', 'hex'), abortByProvider(1)],
    ['a second request', ECHOSCU_ASSOCIATE_RQ, abortByProvider(2)],
    ['an A-ASSOCIATE-AC', Buffer.concat([Buffer.from([2]), ECHOSCU_ASSOCIATE_RQ.subarray(1)]), abortByProvider(2)],
    ['a release response without request', RELEASE_RP, abortByProvider(2)],
    ['a context that was not accepted', dataTf(9, 3, ECHO_RQ.subarray(12)), abortByProvider(5)],
    ['a data set without command', dataTf(1, 2, Buffer.alloc(8)), abortByProvider(5)],
    ['case 4: a command of noise', dataTf(1, 3, Buffer.alloc(99, 0xa5)), ABORT_BY_USER],
    ['case 4: an unknown command', dataTf(1, 3, Buffer.from('0000000102000000777700001001020000000100', 'hex')), ABORT_BY_USER],
    ['case 4: a request without message id', dataTf(1, 3, Buffer.from('00000001020000003000', 'hex')), ABORT_BY_USER],
    [
      'case 4: a response that nobody waits for',
      dataTf(1, 3, Buffer.from('00000001020000003080000020010200000001000000000902000000' + '0000', 'hex')),
      ABORT_BY_USER,
    ],
    [
      'case 4: a command set without end',
      Buffer.concat(Array.from({ length: 9 }, () => dataTf(1, 1, Buffer.alloc(8000)))),
      abortByProvider(6),
    ],
  ])('aborts with source and reason after %s, and goes on serving', async (_what, bytes, answer) => {
    const { port } = await harness.serve();
    const peer = await associated(port);
    await peer.send(bytes);
    expect(await peer.readToEnd()).toEqual(answer);
    expect(await (await DimseClient.connect(to(port))).echo()).toBe(0);
  });

  it('case 4: mutated messages are answered, aborted or waited for, and the server lives', async () => {
    const { port, server } = await harness.serve({
      async onStore(_operation, dataSet) {
        for await (const _ of dataSet);
        return { status: 0 };
      },
    });
    const message = Buffer.concat([dataTf(1, 3, storeCommand(CT, '1.2.3')), dataTf(1, 2, Buffer.alloc(40))]);
    for (let index = 0; index < message.length * 2; index++) {
      const peer = await associated(port, forCt);
      const mutated = Buffer.from(message);
      mutated[index % message.length] = index < message.length ? 0xff : 0;
      await peer.send(mutated);
      await peer.send(RELEASE_RQ);
      peer.end();
      await peer.readToEnd();
    }
    await until(() => server.associations === 0);
    expect(await (await DimseClient.connect(to(port))).echo()).toBe(0);
  });

  it('answers PDUs before any association with an A-ABORT', async () => {
    const { port } = await harness.serve();
    for (const bytes of [ECHO_RQ, RELEASE_RQ, Buffer.from('GET / HTTP/1.1\r\n\r\n')]) {
      const peer = await connectScripted(port);
      await peer.send(bytes);
      expect(await peer.readToEnd()).toEqual(ABORT_BY_USER);
    }
  });

  it('case 23: a reset inside a data set ends it with dimse.aborted for the handler', async () => {
    let failure: unknown;
    let bytes = 0;
    const { port, server } = await harness.serve({
      async onStore(_operation, dataSet) {
        try {
          for await (const chunk of dataSet) bytes += chunk.length;
        } catch (error) {
          failure = error;
        }
        return { status: 0 };
      },
    });
    const peer = await associated(port, forCt);
    await peer.send(Buffer.concat([dataTf(1, 3, storeCommand(CT, '1.2.3')), dataTf(1, 0, Buffer.alloc(5000))]));
    await until(() => bytes === 5000);
    peer.reset();
    await until(() => failure !== undefined);
    expect(failure).toMatchObject({ code: 'dimse.aborted' });
    await until(() => server.associations === 0);
  });

  it('aborts a peer that falls silent inside a data set, but waits for its own handlers', async () => {
    const seen: unknown[] = [];
    const onStore: ServerHandlers['onStore'] = async ({ command }, dataSet) => {
      try {
        for await (const chunk of dataSet) seen.push(chunk.length);
      } catch (error) {
        seen.push((error as { code: string }).code);
      }
      if (command.AffectedSOPInstanceUID === '1.9') await new Promise((resolve) => setTimeout(resolve, 250));
      return { status: 0 };
    };
    const { port } = await harness.serve({ onStore }, { idleMs: 100 });
    const patient = await DimseClient.connect(to(port));
    const stored = await patient.store({ sopClassUid: CT, sopInstanceUid: '1.9', transferSyntaxUid: EXPLICIT, dataSet: Buffer.alloc(4) });
    expect(stored.status).toBe(0);
    const peer = await associated(port, forCt);
    await peer.send(Buffer.concat([dataTf(1, 3, storeCommand(CT, '1.2.3')), dataTf(1, 0, Buffer.alloc(10))]));
    expect(await peer.readToEnd()).toEqual(ABORT_BY_USER);
    await until(() => seen.length === 3);
    expect(seen).toEqual([4, 10, 'dimse.timeout']);
  });

  it('pauses the peer while a handler lags: a data set of 64 MiB never takes more than its share', async () => {
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    let received = 0;
    const { port } = await harness.serve({
      async onStore(_operation, dataSet) {
        await gate;
        for await (const chunk of dataSet) received += chunk.length;
        return { status: 0 };
      },
    });
    const association = await DimseClient.connect(to(port));
    let sent = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      for (const chunk = Buffer.alloc(65_536); sent < 67_108_864; sent += chunk.length) yield await Promise.resolve(chunk);
    }
    const storing = association.store({ sopClassUid: CT, sopInstanceUid: '1.2', transferSyntaxUid: EXPLICIT, dataSet: source() });
    let before = -1;
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    // What lies in the system's socket buffers and in ours.
    expect(sent).toBeLessThan(16_777_216);
    open();
    expect((await storing).status).toBe(0);
    expect(received).toBe(67_108_864);
  });

  it('aborts a peer that floods it with requests beyond the window', async () => {
    const { port } = await harness.serve({ onStore: async () => await new Promise(() => {}) });
    const peer = await associated(port, forCt);
    const request = (id: number): Buffer => {
      const command = storeCommand(CT, '1.2.3');
      command.writeUInt16LE(id, command.indexOf(Buffer.from([0x10, 0x01, 2, 0, 0, 0])) + 6);
      return dataTf(1, 3, command);
    };
    for (let id = 1; id <= 18; id++) await peer.send(Buffer.concat([request(id), dataTf(1, 2, Buffer.alloc(2))]));
    expect(await peer.readToEnd()).toEqual(ABORT_BY_USER);
  });

  it('answers a doubled message id with 0210', async () => {
    const { port } = await harness.serve({ onStore: async () => await new Promise(() => {}) });
    const peer = await associated(port, forCt);
    const message = Buffer.concat([dataTf(1, 3, storeCommand(CT, '1.2.3')), dataTf(1, 2, Buffer.alloc(2))]);
    await peer.send(Buffer.concat([message, message]));
    expect((await readPdu(peer)).includes(Buffer.from('0000000902000000' + '1002', 'hex'))).toBe(true);
  });

  it('aborts a peer that takes no answers', async () => {
    const { port, server } = await harness.serve(
      {
        async *onFind() {
          for (;;) yield { identifier: await Promise.resolve(Buffer.alloc(100_000)) };
        },
      },
      { sendTimeoutMs: 150 },
    );
    const request = requestWith({ contexts: [{ id: 1, abstractSyntaxUid: STUDY_FIND, transferSyntaxUids: [EXPLICIT] }] });
    const peer = await associated(port, request);
    peer.taking(false);
    const command = storeCommand(STUDY_FIND, '1.2');
    command.writeUInt8(0x20, command.indexOf(Buffer.from([0, 1, 2, 0, 0, 0])) + 6);
    await peer.send(Buffer.concat([dataTf(1, 3, command), dataTf(1, 2, Buffer.alloc(2))]));
    await until(() => server.associations === 1);
    await until(() => server.associations === 0);
  });
});

describe('limits and drain', () => {
  it('case 24: at the limit of 200 the next association is rejected 2/3/2 at once; a place becomes free by a release', async () => {
    const { port, server } = await harness.serve();
    const open = await Promise.all(Array.from({ length: 200 }, async () => await DimseClient.connect(to(port))));
    expect(server.associations).toBe(200);
    await expect(DimseClient.connect(to(port))).rejects.toMatchObject({ retriable: true, details: { result: 2, source: 3, reason: 2 } });
    await open[0]!.release();
    await until(() => server.associations === 199);
    const next = await DimseClient.connect(to(port));
    expect(await next.echo()).toBe(0);
    for (const association of [...open.slice(1), next]) association.abort();
  });

  it('rejects 2/3/1 while draining, lets work end, then closes idle associations', async () => {
    let finish = (): void => {};
    const onStore: ServerHandlers['onStore'] = async (_operation, dataSet) => {
      for await (const _ of dataSet);
      await new Promise<void>((resolve) => (finish = resolve));
      return { status: 0 };
    };
    const { port, server } = await harness.serve({ onStore });
    const association = await DimseClient.connect(to(port));
    const storing = association.store({ sopClassUid: CT, sopInstanceUid: '1.2', transferSyntaxUid: EXPLICIT, dataSet: Buffer.alloc(4) });
    await until(() => server.working > 0);
    const closed = server.close(10_000);
    await expect(DimseClient.connect(to(port))).rejects.toMatchObject({ details: { result: 2, source: 3, reason: 1 } });
    finish();
    expect((await storing).status).toBe(0);
    await closed;
    expect(await association.closed).toMatchObject({ code: 'dimse.aborted' });
  });

  it('tells a busy port by runtime.start-failed', async () => {
    const { port } = await harness.serve();
    await expect(harness.serve({}, { listeners: [{ host: '127.0.0.1', port }] })).rejects.toMatchObject({ code: 'runtime.start-failed' });
  });
});

describe('the requestor against wrong peers', () => {
  const accept = Buffer.from('020000000000', 'hex');

  it.each([
    ['an abort', Buffer.from('07000000000400000202', 'hex'), { code: 'dimse.aborted', details: { source: 2, reason: 2 } }],
    ['noise', Buffer.from('HTTP/1.1 400 Bad Request\r\n'), { code: 'dimse.protocol' }],
    ['an empty answer', accept, { code: 'dimse.protocol' }],
    ['data before the answer', ECHO_RQ, { code: 'dimse.protocol' }],
  ])('reports %s', async (_what, bytes, error) => {
    const peer = await listenScripted(async (connection) => await connection.send(bytes));
    await expect(DimseClient.connect(to(peer.port))).rejects.toMatchObject(error);
    await peer.close();
  });

  it('reports a peer that closes, and one that never answers', async () => {
    const closing = await listenScripted(async (connection) => await Promise.resolve(connection.end()));
    await expect(DimseClient.connect(to(closing.port))).rejects.toMatchObject({ code: 'dimse.aborted' });
    await closing.close();
    const silent = await listenScripted(async () => {});
    await expect(DimseClient.connect(to(silent.port, { connectTimeoutMs: 50 }))).rejects.toMatchObject({ code: 'dimse.timeout' });
    const signal = AbortSignal.timeout(30);
    await expect(DimseClient.connect(to(silent.port, { signal }))).rejects.toMatchObject({ code: 'dimse.aborted' });
    await silent.close();
  });

  it('gives up a response that does not come and tells all who wait', async () => {
    const { port } = await harness.serve({ onStore: async () => await new Promise(() => {}) });
    const association = await DimseClient.connect(to(port, { responseTimeoutMs: 50 }));
    const request = { sopClassUid: CT, sopInstanceUid: '1.2', transferSyntaxUid: EXPLICIT, dataSet: Buffer.alloc(2) };
    await expect(association.store(request)).rejects.toMatchObject({ code: 'dimse.timeout' });
    await expect(association.echo()).rejects.toMatchObject({ code: 'dimse.timeout' });
    expect(association.isOpen).toBe(false);
  });

  it('aborts when the data set that it sends breaks off, so that the peer never takes half of it for the whole', async () => {
    const outcomes: unknown[] = [];
    const { port } = await harness.serve({
      async onStore(_operation, dataSet) {
        try {
          for await (const _ of dataSet);
          outcomes.push('whole');
        } catch (error) {
          outcomes.push((error as { code: string }).code);
        }
        return { status: 0 };
      },
    });
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.alloc(400_000));
      throw new Error('disk');
    }
    const association = await DimseClient.connect(to(port));
    await expect(
      association.store({ sopClassUid: CT, sopInstanceUid: '1.2', transferSyntaxUid: EXPLICIT, dataSet: broken() }),
    ).rejects.toThrow('disk');
    await until(() => outcomes.length === 1);
    expect(outcomes).toEqual(['dimse.aborted']);
  });

  it('cancels when the caller leaves a C-FIND early, and keeps the association in step', async () => {
    const { port } = await harness.serve({
      async *onFind() {
        for (let index = 0; index < 100_000; index++) yield { identifier: await Promise.resolve(Buffer.alloc(1000)) };
        return { status: 0 };
      },
    });
    const association = await DimseClient.connect(to(port));
    for await (const { status } of association.find(STUDY_FIND, Buffer.alloc(2))) {
      expect(status).toBe(0xff00);
      break;
    }
    expect(await association.echo()).toBe(0);
  });
});
