import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

const CONNECT_TIMEOUT_MS = 2_000;

/** A balancer of TCP connections: each goes to the first of `targets()` that takes it, loopback ports, the preferred one first. */
export function createTcpDoor(targets: () => readonly number[]): Server {
  return createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    client.on('error', () => undefined);
    tryNext(client, [...targets()]);
  });
}

function tryNext(client: Socket, ports: number[]): void {
  const port = ports.shift();
  if (port === undefined) {
    client.destroy();
    return;
  }
  const upstream = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
  const failed = (): void => {
    upstream.destroy();
    tryNext(client, ports);
  };
  const late = setTimeout(failed, CONNECT_TIMEOUT_MS);
  upstream.once('error', failed);
  upstream.once('close', () => clearTimeout(late));
  upstream.once('connect', () => {
    clearTimeout(late);
    upstream.removeListener('error', failed);
    join(client, upstream);
  });
}

/** Bytes and ends go both ways; when one side breaks, so does the other. */
function join(client: Socket, upstream: Socket): void {
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.resetAndDestroy());
    from.once('close', () => (from.readableEnded ? undefined : to.resetAndDestroy()));
  }
}
