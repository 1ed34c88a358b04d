import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FaultProxy, connectScripted, listenScripted } from '@cairn/testing';
import type { ScriptedConnection, ScriptedServer } from '@cairn/testing';

/** Long enough for a byte to cross a link that lets it pass. */
const NOTHING_WITHIN_MS = 100;

describe('FaultProxy', () => {
  let server: ScriptedServer;
  let proxy: FaultProxy;
  let client: ScriptedConnection;

  beforeEach(async () => {
    server = await listenScripted(async () => undefined);
    proxy = await FaultProxy.start(`127.0.0.1:${server.port}`);
    client = await connectScripted(proxy.port);
    await client.send('hello');
    while (server.connections.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(String(await peer().read(5))).toBe('hello');
  });

  afterEach(async () => {
    client.reset();
    await proxy.close();
    await server.close();
  });

  function peer(): ScriptedConnection {
    return server.connections.at(-1)!;
  }

  it('carries bytes and ends both ways, more than it keeps', async () => {
    const large = Buffer.alloc(5_000_000, 7);
    await Promise.all([client.send(large), peer().send(large)]);
    expect((await peer().read(large.length)).equals(large)).toBe(true);
    expect((await client.read(large.length)).equals(large)).toBe(true);
    client.end();
    await peer().readToEnd();
    await client.readToEnd();
    expect(proxy.taken).toBe(1);
  });

  it('passes a reset on', async () => {
    peer().reset();
    await client.readToEnd();
  });

  it.each([{ latencyMs: 60 }, { bytesPerSecond: 50 }])('makes bytes late: %j', async (shape) => {
    proxy.set({ kind: 'open', ...shape });
    const before = performance.now();
    await client.send('slow');
    await peer().read(4);
    expect(performance.now() - before).toBeGreaterThan(55);
  });

  it('cuts bytes into pieces, and keeps them all', async () => {
    proxy.set({ kind: 'open', sliceBytes: 3 });
    await client.send('0123456789');
    expect(String(await peer().read(10))).toBe('0123456789');
  });

  it('resets a connection after so many bytes of answers', async () => {
    proxy.set({ kind: 'open', sliceBytes: 1, resetAfterBytes: 3 });
    await peer().send('abcdef');
    expect((await client.readToEnd()).length).toBeLessThanOrEqual(3);
    await peer().readToEnd();
  });

  it('holds everything back while stalled, ends too, and hands it over afterwards', async () => {
    proxy.set({ kind: 'stalled' });
    await Promise.all([client.send('late'), peer().send('too')]);
    client.end();
    await expect(peer().read(4, NOTHING_WITHIN_MS)).rejects.toThrow('got 0 bytes');
    await expect(client.read(3, NOTHING_WITHIN_MS)).rejects.toThrow('got 0 bytes');
    proxy.set({ kind: 'open' });
    expect(String(await peer().readToEnd())).toBe('late');
    expect(String(await client.read(3))).toBe('too');
  });

  it.each(['requests', 'answers'] as const)('loses %s for good; other connections are whole afterwards', async (lost) => {
    const ends = (): ScriptedConnection[] => (lost === 'requests' ? [client, peer()] : [peer(), client]);
    proxy.set({ kind: 'half-open', lost });
    const [sender, receiver] = ends();
    await sender!.send('lost');
    await receiver!.send('kept');
    expect(String(await sender!.read(4))).toBe('kept');
    proxy.set({ kind: 'open' });
    await sender!.send('lost too');
    await expect(receiver!.read(1, NOTHING_WITHIN_MS)).rejects.toThrow('got 0 bytes');
    const other = await connectScripted(proxy.port);
    await other.send('whole');
    while (server.connections.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(String(await peer().read(5))).toBe('whole');
    other.reset();
  });

  it('cuts connections when reset, new ones at once, and takes them again', async () => {
    proxy.set({ kind: 'reset' });
    await client.readToEnd();
    await peer().readToEnd();
    await isRefused(proxy);
    proxy.set({ kind: 'open' });
    const other = await connectScripted(proxy.port);
    await other.send('again');
    while (server.connections.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(String(await peer().read(5))).toBe('again');
    other.reset();
  });

  it('resets connections while nothing is behind it', async () => {
    const early = await FaultProxy.start();
    await isRefused(early);
    early.target = `127.0.0.1:${server.port}`;
    const other = await connectScripted(early.port);
    await other.send('x');
    while (server.connections.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(String(await peer().read(1))).toBe('x');
    await early.close();
  });
});

/** A reset comes while the client still connects, or right after. */
async function isRefused(proxy: FaultProxy): Promise<void> {
  const outcome = await connectScripted(proxy.port).then(
    (connection) => connection.readToEnd(),
    (error: NodeJS.ErrnoException) => error.code,
  );
  expect(['ECONNRESET', Buffer.alloc(0)]).toContainEqual(outcome);
}
