import { createServer, connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** One end of a TCP connection that a test drives byte by byte. */
export interface ScriptedConnection {
  /** Resolves when the bytes were handed to the system. */
  send(bytes: Uint8Array | string): Promise<void>;
  /** Exactly `length` bytes. Fails when the connection ends before, or after `timeoutMs`. */
  read(length: number, timeoutMs?: number): Promise<Buffer>;
  /** What arrived and was not read yet, after the peer ended, or after `timeoutMs` (then it fails). */
  readToEnd(timeoutMs?: number): Promise<Buffer>;
  /** True once the peer has ended or reset the connection. */
  readonly ended: boolean;
  /** Half-closes: no more bytes from here. */
  end(): void;
  /** Cuts with RST. */
  reset(): void;
  /** Stops taking bytes, so that the peer's sending blocks; true takes them again. */
  taking(on: boolean): void;
}

/** A listener whose every connection runs a script. */
export interface ScriptedServer {
  port: number;
  connections: readonly ScriptedConnection[];
  /** Cuts all connections and stops listening. Throws the first error that a script threw. */
  close(): Promise<void>;
}

const DEFAULT_TIMEOUT_MS = 5000;

/** Connects to a port of this machine. */
export async function connectScripted(port: number): Promise<ScriptedConnection> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return new SocketConnection(socket);
}

/** Listens on a free port of the loopback interface. */
export async function listenScripted(script: (connection: ScriptedConnection) => Promise<void>): Promise<ScriptedServer> {
  const connections: ScriptedConnection[] = [];
  const failures: unknown[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    const connection = new SocketConnection(socket);
    connections.push(connection);
    script(connection).catch((error: unknown) => failures.push(error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    async close() {
      for (const connection of connections) connection.reset();
      await new Promise((resolve) => server.close(resolve));
      if (failures.length > 0) throw failures[0];
    },
  };
}

class SocketConnection implements ScriptedConnection {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    for (const event of ['end', 'close', 'error']) {
      socket.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
    }
  }

  get ended(): boolean {
    return this.#ended;
  }

  send(bytes: Uint8Array | string): Promise<void> {
    return new Promise((resolve, reject) => this.#socket.write(bytes, (error) => (error ? reject(error) : resolve())));
  }

  async read(length: number, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<Buffer> {
    await this.#until(() => this.#received.length >= length || this.#ended, timeoutMs, `${length} bytes`);
    if (this.#received.length < length) throw new Error(`The peer ended after ${this.#received.length} of ${length} bytes.`);
    const bytes = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return bytes;
  }

  async readToEnd(timeoutMs = DEFAULT_TIMEOUT_MS): Promise<Buffer> {
    await this.#until(() => this.#ended, timeoutMs, 'the end of the connection');
    const bytes = this.#received;
    this.#received = Buffer.alloc(0);
    return bytes;
  }

  end(): void {
    this.#socket.end();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  taking(on: boolean): void {
    if (on) this.#socket.resume();
    else this.#socket.pause();
  }

  async #until(reached: () => boolean, timeoutMs: number, what: string): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!reached()) {
      const restMs = deadline - Date.now();
      if (restMs <= 0) throw new Error(`Waited ${timeoutMs} ms for ${what}, got ${this.#received.length} bytes.`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, restMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
