import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import { DimseClient } from '../src/index.ts';
import type { AssociationSummary } from '../src/index.ts';
import { Harness, acceptFirst, to } from './harness.ts';

const harness = new Harness();
afterEach(async () => await harness.close());

const pem = (name: string): string => readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8');
const pair = (name: string): { cert: string; key: string } => ({ cert: pem(`${name}.pem`), key: pem(`${name}.key`) });
const ca = pem('ca.pem');

async function serveTls(clientCa?: string): Promise<{ port: number; peers: AssociationSummary[] }> {
  const peers: AssociationSummary[] = [];
  const { port } = await harness.serve(
    {
      onAssociate: (_request, peer) => {
        peers.push(peer);
        return { decideContext: acceptFirst };
      },
    },
    { listeners: [{ host: '127.0.0.1', port: 0, tls: { ...pair('server'), ...(clientCa ? { clientCa } : {}) } }] },
  );
  return { port, peers };
}

/** The protocol of a completed handshake, or why there is none. */
function handshake(port: number, options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    try {
      const socket = connect({ host: '127.0.0.1', port, ca, ...options }, () => {
        resolve(socket.getProtocol() ?? '');
        socket.destroy();
      });
      socket.on('error', (error) => resolve(`refused: ${error.message}`));
    } catch (error) {
      resolve(`refused: ${String(error)}`);
    }
  });
}

describe('TLS', () => {
  it('associates over TLS 1.3', async () => {
    const { port, peers } = await serveTls();
    const association = await DimseClient.connect(to(port, { tls: { ca } }));
    expect(await association.echo()).toBe(0);
    await association.release();
    expect(peers).toMatchObject([{ tls: true, address: '127.0.0.1' }]);
  });

  it('case 8: takes TLS 1.2 with forward secrecy and authenticated encryption, nothing older or weaker', async () => {
    const { port } = await serveTls();
    const old = { maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' } as const;
    expect(await handshake(port, { ...old, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' })).toBe('TLSv1.2');
    expect(await handshake(port, { ...old, ciphers: 'DHE-RSA-AES256-GCM-SHA384' })).toBe('TLSv1.2');
    expect(await handshake(port, {})).toBe('TLSv1.3');
    for (const ciphers of [
      'AES128-SHA',
      'AES256-GCM-SHA384',
      'ECDHE-RSA-AES128-SHA',
      'NULL-SHA256:@SECLEVEL=0',
      'DES-CBC3-SHA:@SECLEVEL=0',
    ]) {
      expect(await handshake(port, { ...old, ciphers })).toMatch(/^refused/);
    }
    for (const version of ['TLSv1', 'TLSv1.1'] as const) {
      expect(await handshake(port, { minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' })).toMatch(/^refused/);
    }
  });

  it('case 9: mutual TLS takes our modality and fails closed for an absent, foreign or expired certificate', async () => {
    const { port, peers } = await serveTls(ca);
    const association = await DimseClient.connect(to(port, { tls: { ca, ...pair('client') } }));
    expect(await association.echo()).toBe(0);
    expect(peers[0]!.tlsSubject).toBe('Cairn test modality');
    for (const own of [{}, pair('stranger'), { cert: pem('expired.pem'), key: pem('expired.key') }]) {
      await expect(DimseClient.connect(to(port, { tls: { ca, ...own } }))).rejects.toMatchObject({ code: 'dimse.aborted' });
    }
    expect(peers).toHaveLength(1);
  });

  it('does not talk to a server that our authority did not sign, nor in plain text to a TLS port', async () => {
    const { port } = await serveTls();
    await expect(DimseClient.connect(to(port, { tls: {} }))).rejects.toMatchObject({ code: 'dimse.aborted' });
    await expect(DimseClient.connect(to(port))).rejects.toMatchObject({ code: expect.stringMatching(/^dimse\./) });
  });
});
