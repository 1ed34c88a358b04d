/** HTTP/1.1 on one kept-alive raw socket: measures without the cost of a full client. One request at a time. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';

const READ_BUFFER_BYTES = 1024 * 1024;

/** A request; `body` is sent as it comes, with `bodyBytes` as its Content-Length. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Iterable<Buffer>;
  readonly bodyBytes?: number;
  /** Keep the body of the answer; else it is counted and dropped. */
  readonly keepBody?: boolean;
}

/** An answer: `bytes` is the body's length without chunk framing, `milliseconds` runs from the first byte sent to the last received. */
export interface HttpAnswer {
  readonly status: number;
  readonly bytes: number;
  readonly milliseconds: number;
  readonly body: Buffer;
}

/** A connection to a port of loopback, made anew (outside the measured time) when the server has closed it. */
export class HttpConnection {
  readonly #port: number;
  #socket: Socket | undefined;
  #parser: AnswerParser | undefined;
  #reject: (error: Error) => void = () => undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** Sends a request and reads its whole answer, whatever its status. */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    const socket = (this.#socket ??= await this.#connect());
    const start = performance.now();
    const answered = new Promise<HttpAnswer>((resolve, reject) => {
      this.#reject = reject;
      this.#parser = new AnswerParser(request.keepBody ?? false, (status, bytes, body) =>
        resolve({ status, bytes, milliseconds: performance.now() - start, body }),
      );
    });
    answered.catch(() => undefined); // awaited below, but the server may close while the body is still being written
    socket.write(this.#head(request));
    for (const piece of request.body ?? []) {
      if (!socket.write(piece)) await Promise.race([once(socket, 'drain'), answered]);
    }
    return await answered;
  }

  /** GET with an Accept header; a status other than 200 (or 204: nothing found) throws. */
  async get(path: string, accept: string, keepBody = false): Promise<HttpAnswer> {
    const answer = await this.send({ method: 'GET', path, headers: { Accept: accept }, keepBody });
    if (answer.status !== 200 && answer.status !== 204) throw new Error(`GET ${path.split('?')[0]}: status ${answer.status}`);
    return answer;
  }

  /** Closes the connection at once. */
  close(): void {
    this.#reject = () => undefined;
    this.#socket?.destroy();
  }

  async #connect(): Promise<Socket> {
    const onread = {
      buffer: Buffer.allocUnsafe(READ_BUFFER_BYTES),
      callback: (length: number, buffer: Uint8Array): boolean => {
        this.#parser?.push(Buffer.from(buffer.buffer, buffer.byteOffset, length));
        return true;
      },
    };
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true, onread });
    await once(socket, 'connect');
    socket.on('error', (error) => this.#reject(error));
    socket.on('close', () => {
      this.#socket = undefined;
      this.#parser?.end();
      this.#reject(new Error('the server closed the connection'));
    });
    return socket;
  }

  #head(request: HttpRequest): string {
    const headers = { Host: `127.0.0.1:${this.#port}`, ...request.headers };
    const length = request.bodyBytes === undefined ? '' : `Content-Length: ${request.bodyBytes}\r\n`;
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return `${request.method} ${request.path} HTTP/1.1\r\n${lines.join('')}${length}\r\n`;
  }
}

type Done = (status: number, bytes: number, body: Buffer) => void;

/** Reads one answer: status line and fields, then a body framed by Content-Length, by chunks or by the connection's end (RFC 9112 §6.3). */
class AnswerParser {
  readonly #keepBody: boolean;
  readonly #done: Done;
  readonly #kept: Buffer[] = [];
  #text = '';
  #state: 'head' | 'body' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer' | 'done' = 'head';
  #status = 0;
  #bytes = 0;
  #left = 0;

  constructor(keepBody: boolean, done: Done) {
    this.#keepBody = keepBody;
    this.#done = done;
  }

  /** Takes the next bytes of the connection, which are reused after the call. */
  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && this.#state !== 'done') {
      at += this.#state === 'body' || this.#state === 'chunk' ? this.#data(bytes, at) : this.#line(bytes, at);
    }
  }

  /** The connection has ended: so does a body without a length. */
  end(): void {
    if (this.#state === 'body' && this.#left === Infinity) this.#finish();
  }

  #data(bytes: Buffer, at: number): number {
    const taken = Math.min(this.#left, bytes.length - at);
    if (this.#keepBody) this.#kept.push(Buffer.from(bytes.subarray(at, at + taken)));
    this.#bytes += taken;
    this.#left -= taken;
    if (this.#left === 0) {
      if (this.#state === 'chunk') this.#state = 'chunk-end';
      else this.#finish();
    }
    return taken;
  }

  /** Collects up to the next line feed and acts on the line. */
  #line(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(0x0a, at);
    this.#text += bytes.toString('latin1', at, end < 0 ? bytes.length : end + 1);
    if (end < 0) return bytes.length - at;
    if (this.#state === 'head') this.#head();
    else {
      const line = this.#text.trim();
      this.#text = '';
      this.#framing(line);
    }
    return end + 1 - at;
  }

  #framing(line: string): void {
    if (this.#state === 'chunk-end') this.#state = 'chunk-size';
    else if (this.#state === 'chunk-size') {
      this.#left = Number.parseInt(line, 16);
      this.#state = this.#left === 0 ? 'trailer' : 'chunk';
    } else if (line === '') this.#finish();
  }

  #head(): void {
    if (!this.#text.endsWith('\r\n\r\n')) return;
    const head = this.#text;
    this.#text = '';
    this.#status = Number(head.slice(9, 12));
    if (this.#status === 100) return;
    const length = /^content-length: *(\d+)/im.exec(head)?.[1];
    this.#left = Number(length ?? (this.#status === 204 ? 0 : Infinity));
    if (/^transfer-encoding: *chunked/im.test(head)) this.#state = 'chunk-size';
    else if (this.#left > 0) this.#state = 'body';
    else this.#finish();
  }

  #finish(): void {
    this.#state = 'done';
    this.#done(this.#status, this.#bytes, Buffer.concat(this.#kept));
  }
}
