import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createTcpDoor } from '../src/tcp-door.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

/** Answers when the caller has ended, with what it sent. */
function answering(name: string): Promise<number> {
  return listening(
    createServer({ allowHalfOpen: true }, (socket) => void text(socket).then((received) => socket.end(`${name}: ${received}`))),
  );
}

async function deadPort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  server.close();
  return port;
}

function through(door: number): Socket {
  return connect({ port: door, host: '127.0.0.1', allowHalfOpen: true });
}

describe('createTcpDoor', () => {
  it('passes bytes on, and the end of one direction leaves the other open', async () => {
    const target = await answering('a');
    const client = through(await listening(createTcpDoor(() => [target])));
    client.end('hello');
    expect(await text(client)).toBe('a: hello');
  });

  it('goes on to the next when one does not take the connection', async () => {
    const [dead, target] = [await deadPort(), await answering('b')];
    const client = through(await listening(createTcpDoor(() => [dead, target])));
    client.end('hello');
    expect(await text(client)).toBe('b: hello');
  });

  it('closes the connection when none takes it', async () => {
    const dead = await deadPort();
    const client = through(await listening(createTcpDoor(() => [dead])));
    expect(await text(client)).toBe('');
  });

  it('resets the caller’s connection when the one behind is reset', async () => {
    const reset = createServer((socket) => void socket.on('error', () => undefined).once('data', () => socket.resetAndDestroy()));
    const target = await listening(reset);
    const client = through(await listening(createTcpDoor(() => [target])));
    client.write('hello');
    await expect(text(client)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});
