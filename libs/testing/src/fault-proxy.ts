import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What a link does with its connections. `open`: bytes pass, perhaps late, slowly, in pieces, or with a reset after so many bytes of
 * answers. `stalled`: connections are taken and nothing passes, not even their ends, until the link is open again. `half-open`: what is sent in
 * one direction is lost, and a connection that lost something there stays so. `reset`: connections are cut, new ones at once.
 */
export type LinkState =
  | { kind: 'open'; latencyMs?: number; bytesPerSecond?: number; sliceBytes?: number; resetAfterBytes?: number }
  | { kind: 'stalled' }
  | { kind: 'half-open'; lost: Direction }
  | { kind: 'reset' };

/** Of bytes: from who connected to the server, or back. */
export type Direction = 'requests' | 'answers';

/** Bytes of one direction that wait in a link before the sender's own system has to keep them. */
const MAX_WAITING_BYTES = 1024 * 1024;

/**
 * A TCP proxy on loopback: one link between programs, whose faults are switched at run time.
 *
 * @example
 * const proxy = await FaultProxy.start('127.0.0.1:9000');
 * proxy.set({ kind: 'half-open', lost: 'answers' });
 */
export class FaultProxy {
  /** `host:port` behind it; connections are reset while there is none. */
  target: string | undefined;
  /** Connections taken since its start. */
  taken = 0;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  #state: LinkState = { kind: 'open' };
  #changed = Promise.withResolvers<void>();

  private constructor(target: string | undefined) {
    this.target = target;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#take(client));
  }

  /** Listens; the target may be set later, for servers that need to know the proxy's port. */
  static async start(target?: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** `host:port` that programs connect to. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** From now on the link does this, to connections that exist too. */
  set(state: LinkState): void {
    this.#state = state;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    if (state.kind === 'reset') this.#resetAll();
  }

  /** Resolves when something else than `stalled` was set. */
  async untilPassing(): Promise<void> {
    while (this.#state.kind === 'stalled') await this.#changed.promise;
  }

  /** Resets all connections and stops listening. */
  async close(): Promise<void> {
    this.set({ kind: 'reset' });
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(client: Socket): void {
    this.taken++;
    client.on('error', () => undefined);
    if (this.target === undefined || this.#state.kind === 'reset') return void client.resetAndDestroy();
    const [host, port] = this.target.split(':');
    const server = connect({ host: host!, port: Number(port), allowHalfOpen: true, noDelay: true });
    const connection = new Connection(this, client, server);
    this.#connections.add(connection);
    client.once('close', () => this.#connections.delete(connection));
  }

  #resetAll(): void {
    for (const connection of this.#connections) connection.reset();
  }
}

/** Both directions of one connection. */
class Connection {
  readonly #link: FaultProxy;
  readonly #sockets: readonly Socket[];
  readonly #lost = new Set<Direction>();
  #answeredBytes = 0;

  constructor(link: FaultProxy, client: Socket, server: Socket) {
    this.#link = link;
    this.#sockets = [client, server];
    this.#carry(client, server, 'requests');
    this.#carry(server, client, 'answers');
  }

  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Hands over, in order, the bytes, the end or the reset that one side sends. */
  #carry(from: Socket, to: Socket, direction: Direction): void {
    let tail = Promise.resolve();
    let waitingBytes = 0;
    const hand = (over: () => Promise<void> | void): void => {
      const arrivedMs = performance.now();
      tail = tail.then(async () => {
        await this.#passage(arrivedMs, direction);
        if (!this.#lost.has(direction) && !to.destroyed) await over();
      });
    };
    from.on('data', (bytes: Buffer) => {
      waitingBytes += bytes.length;
      if (waitingBytes > MAX_WAITING_BYTES) from.pause();
      hand(() => this.#send(to, bytes, direction));
      tail = tail.then(() => {
        waitingBytes -= bytes.length;
        from.resume();
      });
    });
    from.on('end', () => hand(() => void to.end()));
    from.on('error', () => hand(() => void to.resetAndDestroy()));
  }

  async #passage(arrivedMs: number, direction: Direction): Promise<void> {
    await this.#link.untilPassing();
    const { state } = this.#link;
    if (state.kind === 'half-open' && state.lost === direction) this.#lost.add(direction);
    if (state.kind !== 'open' || state.latencyMs === undefined) return;
    await sleep(Math.max(0, arrivedMs + state.latencyMs - performance.now()));
  }

  async #send(to: Socket, bytes: Buffer, direction: Direction): Promise<void> {
    const { sliceBytes = bytes.length, bytesPerSecond, resetAfterBytes = Infinity } = shapeOf(this.#link.state);
    for (let at = 0; at < bytes.length; at += sliceBytes) {
      const piece = bytes.subarray(at, at + sliceBytes);
      if (direction === 'answers') this.#answeredBytes += piece.length;
      if (this.#answeredBytes > resetAfterBytes) return this.reset();
      if (bytesPerSecond !== undefined) await sleep((1000 * piece.length) / bytesPerSecond);
      await new Promise((resolve) => to.write(piece, resolve));
    }
  }
}

function shapeOf(state: LinkState): Omit<Extract<LinkState, { kind: 'open' }>, 'kind'> {
  return state.kind === 'open' ? state : {};
}
