import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CairnError } from '@cairn/core';
import type { GatewayConfig, GatewayMetrics } from '../src/dicom-gateway.module.ts';
import { GatewayHarness, all, identifier } from './harness.ts';

let harness = new GatewayHarness();
afterEach(async () => {
  await harness.close();
  harness = new GatewayHarness();
});

function rejected(result: number, source: number, reason: number): object {
  return { code: 'dimse.association-rejected', details: { result, source, reason } };
}

describe('who may associate', () => {
  const cases: [string, Partial<GatewayConfig>, object, object | undefined][] = [
    ['the own title', {}, {}, undefined],
    ['another called title', {}, { calledAet: 'OTHER' }, rejected(1, 1, 7)],
    ['a listed called title', { calledAets: ['OTHER'] }, { calledAet: 'OTHER' }, undefined],
    ['any called title', { calledAets: ['*'] }, { calledAet: 'WHATEVER' }, undefined],
    ['a listed caller', { allowedCallers: [{ aet: 'MODALITY' }] }, {}, undefined],
    ['a caller that is not listed', { allowedCallers: [{ aet: 'CT1' }] }, {}, rejected(1, 1, 3)],
    ['a caller from its address', { allowedCallers: [{ aet: 'MODALITY', permits: (address) => address === '127.0.0.1' }] }, {}, undefined],
    [
      'case 7: a caller from another address',
      { allowedCallers: [{ aet: 'MODALITY', permits: (address) => address === '192.0.2.7' }] },
      {},
      rejected(1, 1, 3),
    ],
    ['case 13: a title with shell characters', {}, { calledAet: '$(id);`x`' }, rejected(1, 1, 7)],
  ];
  it.each(cases)('case 6: %s', async (_what, config, options, refusal) => {
    const { port } = await harness.start(config);
    const connecting = harness.connect(port, options);
    if (refusal) await expect(connecting).rejects.toMatchObject(refusal);
    else expect(await (await connecting).echo()).toBe(0);
  });

  it('case 24: the association beyond the limit is rejected as transient, the next after a release is taken', async () => {
    const { port } = await harness.start({ maxAssociations: 3 });
    const open = await Promise.all([1, 2, 3].map(async () => await harness.connect(port)));
    await expect(harness.connect(port)).rejects.toMatchObject(rejected(2, 3, 2));
    await open[0]!.release();
    expect(await (await harness.connect(port)).echo()).toBe(0);
  });

  it('listens with TLS beside the plain port, and wants a certificate where told so', async () => {
    const pem = (name: string): string => readFileSync(join(import.meta.dirname, '../../../libs/dimse/test/fixtures', name), 'utf8');
    const tls = { port: 0, cert: pem('server.pem'), key: pem('server.key'), clientCa: pem('ca.pem') };
    const { gateway } = await harness.start({ tls });
    expect(gateway.addresses().map((address) => address.tls)).toEqual([false, true]);
    const { port } = gateway.addresses()[1]!;
    const association = await harness.connect(port, { tls: { ca: pem('ca.pem'), cert: pem('client.pem'), key: pem('client.key') } });
    expect(await association.echo()).toBe(0);
    await expect(harness.connect(port, { tls: { ca: pem('ca.pem') } })).rejects.toMatchObject({ code: 'dimse.aborted' });
  });

  it('answers extended negotiation with what it can', async () => {
    const { port } = await harness.start();
    const sopClassUid = '1.2.840.10008.5.1.4.1.2.2.1';
    const extendedNegotiations = [{ sopClassUid, information: Uint8Array.of(1, 1, 1, 1) }];
    const association = await harness.connect(port, { extendedNegotiations });
    expect([...association.agreement.extendedNegotiations.get(sopClassUid)!]).toEqual([1, 1, 1, 0]);
  });

  it('drains: associations under way are told, new ones refused, and the port is closed in the end', async () => {
    const { port, app, gateway } = await harness.start({ timeouts: { drainMs: 5000 } });
    const association = await harness.connect(port);
    let finish = (): void => {};
    harness.archive.onQuery = async () => await new Promise<void>((resolve) => (finish = resolve));
    const finding = association.find('1.2.840.10008.5.1.4.1.2.2.1', identifier('STUDY', { '0020000D': '' })).next();
    while (harness.archive.queries.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const closed = app.close();
    await expect(harness.connect(port)).rejects.toMatchObject(rejected(2, 3, 1));
    finish();
    expect((await finding).value).toMatchObject({ status: 0 });
    await association.release();
    await closed;
    expect(gateway.associations).toBe(0);
    await expect(harness.connect(port)).rejects.toMatchObject({ code: 'dimse.aborted' });
  });

  it('feeds the metrics', async () => {
    const seen: unknown[] = [];
    const metrics: GatewayMetrics = {
      associationOpened: () => (outcome) => seen.push(outcome),
      associationRejected: () => seen.push('rejected'),
      requestServed: (command, status) => seen.push([command, status]),
    };
    const { port } = await harness.start({}, { metrics });
    await expect(harness.connect(port, { calledAet: 'NOBODY' })).rejects.toThrow();
    const association = await harness.connect(port);
    await association.store({
      sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
      sopInstanceUid: '1.2',
      transferSyntaxUid: '1.2.840.10008.1.2.1',
      dataSet: Buffer.alloc(8),
    });
    await association.release();
    expect(seen).toEqual(['rejected', ['C-STORE', 0], 'released']);
  });

  it('counts a cancelled request as cancelled, and one whose service fails with the status that it is answered', async () => {
    const seen: unknown[] = [];
    const metrics: GatewayMetrics = {
      associationOpened: () => () => undefined,
      associationRejected: () => undefined,
      requestServed: (command, status, seconds) => seen.push([command, status.toString(16), seconds >= 0]),
    };
    const { port } = await harness.start({}, { metrics });
    const association = await harness.connect(port);
    const cancel = new AbortController();
    harness.archive.onQuery = async (signal) => {
      cancel.abort();
      await new Promise((resolve) => signal!.addEventListener('abort', resolve, { once: true }));
    };
    const find = async (signal?: AbortSignal): Promise<number> => {
      const options = signal === undefined ? {} : { signal };
      return (await all(association.find('1.2.840.10008.5.1.4.1.2.2.1', identifier('STUDY', { '0020000D': '' }), options))).at(-1)!.status;
    };
    expect(await find(cancel.signal)).toBe(0xfe00);
    harness.archive.onQuery = () => Promise.reject(new CairnError('metadata-store.unavailable', 'down', { retriable: true }));
    const status = await find();
    harness.archive.onReceive = () => Promise.reject(new CairnError('object-store.unavailable', 'down', { retriable: true }));
    const stored = await association.store({
      sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
      sopInstanceUid: '1.2',
      transferSyntaxUid: '1.2.840.10008.1.2.1',
      dataSet: Buffer.alloc(8),
    });
    await association.release();
    expect(seen).toEqual([
      ['C-FIND', 'fe00', true],
      ['C-FIND', status.toString(16), true],
      ['C-STORE', stored.status.toString(16), true],
    ]);
    expect([status, stored.status].every((failed) => failed >= 0xa000)).toBe(true);
  });
});
