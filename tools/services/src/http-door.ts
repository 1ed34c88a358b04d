import { Agent, createServer, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage, Server, ServerResponse } from 'node:http';
import { addressMatcher } from '@cairn/config';
import { forwardedHeaders, returnedHeaders } from './forwarded-headers.ts';
import type { ServiceName } from './replicas.ts';

/** As the services themselves keep connections. */
const IDLE_TIMEOUT_MS = 120_000;
const KEEP_ALIVE_MS = 72_000;

/** `studies` and `studies/{study}`, which STOW-RS posts to (PS3.18 §10.5). */
const STORE_RESOURCE = /^\/dicom-web\/studies(?:\/[^/?]*)?\/?(?:\?|$)/;

/** A place that answers requests: a port on loopback. */
export interface Upstream {
  httpPort: number;
}

/** What an {@link createHttpDoor} needs. */
export interface HttpDoorOptions {
  /** Running replicas of a service, the preferred one first. */
  upstreams(this: void, service: ServiceName): readonly Upstream[];
  /** Answers requests that no service gets; false when a service shall. */
  answer(this: void, request: IncomingMessage, response: ServerResponse): boolean;
  /** Addresses of proxies in front, whose forwarding headers are passed on. */
  trustedProxies: readonly string[];
}

/** Which service a request is for: STOW-RS goes to `ingest`, the rest to `query-retrieve`, as an ingress routes it. */
export function serviceOf(method: string, url: string): ServiceName {
  return method === 'POST' && STORE_RESOURCE.test(url) ? 'ingest' : 'query-retrieve';
}

/**
 * The reverse proxy in front of the services. Bodies stream both ways; a request of which nothing was handed over goes to another replica
 * when one does not answer. Without any: 503 with Retry-After; broken before the answer: 502.
 */
export function createHttpDoor({ upstreams, answer, trustedProxies }: HttpDoorOptions): Server {
  const isTrusted = addressMatcher(trustedProxies);
  const agent = new Agent({ keepAlive: true, timeout: IDLE_TIMEOUT_MS });
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    // Once it takes no more connections, a kept one would hold up the stop.
    if (!server.listening) response.shouldKeepAlive = false;
    if (answer(request, response)) return;
    const targets = [...upstreams(serviceOf(request.method ?? '', request.url ?? ''))];
    const headers = forwardedHeaders(request, isTrusted(request.socket.remoteAddress ?? ''));
    new Exchange(request, response, { agent, targets, headers, isListening: () => server.listening }).run();
  };
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: KEEP_ALIVE_MS }, serve);
  // The service says whether it wants the body.
  server.on('checkContinue', serve);
  server.setTimeout(IDLE_TIMEOUT_MS);
  server.once('close', () => agent.destroy());
  return server;
}

interface ExchangeOptions {
  agent: Agent;
  targets: Upstream[];
  headers: string[];
  isListening: () => boolean;
}

/** One request on its way through. */
class Exchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #options: ExchangeOptions;
  readonly #hasBody: boolean;
  #isBodySent = false;

  constructor(request: IncomingMessage, response: ServerResponse, options: ExchangeOptions) {
    this.#request = request;
    this.#response = response;
    this.#options = options;
    this.#hasBody = 'transfer-encoding' in request.headers || Number(request.headers['content-length'] ?? 0) > 0;
  }

  run(): void {
    const target = this.#options.targets.shift();
    if (target === undefined) {
      this.#refuse(503, 'No replica of the service answers now; try again.');
      return;
    }
    const { method, url } = this.#request;
    const upstream = httpRequest({ host: '127.0.0.1', port: target.httpPort, method, path: url, ...this.#connection() });
    const leave = (): void => void upstream.destroy();
    this.#response.once('close', leave);
    upstream.once('response', (answer) => {
      // What still comes of the body is of no use; the caller has to get rid of it to see the answer.
      upstream.once('close', () => this.#request.unpipe(upstream).resume());
      this.#pass(answer);
    });
    upstream.once('error', () => {
      this.#response.removeListener('close', leave);
      this.#fail();
    });
    if (this.#hasBody) this.#sendBody(upstream);
    else upstream.end();
  }

  /**
   * A kept connection may be closing just now, which only requests without a body may risk. The fresh one of a body is called a kept one all the
   * same: a service that refuses would close the other kind over the body still on its way, and its answer would be lost.
   */
  #connection(): { agent: Agent | false; headers: string[] } {
    const { agent, headers } = this.#options;
    return this.#hasBody ? { agent: false, headers: [...headers, 'Connection', 'keep-alive'] } : { agent, headers };
  }

  /** The body is touched only once there is a connection and, where the caller asks first, the service wants it. */
  #sendBody(upstream: ClientRequest): void {
    const send = (): void => {
      this.#isBodySent = true;
      this.#request.pipe(upstream);
    };
    if (this.#request.headers.expect === undefined) upstream.once('socket', (socket) => socket.once('connect', send));
    else {
      upstream.once('continue', () => {
        this.#response.writeContinue();
        send();
      });
      upstream.flushHeaders();
    }
  }

  #pass(answer: IncomingMessage): void {
    const response = this.#response;
    if (!this.#options.isListening()) response.shouldKeepAlive = false;
    const headers = returnedHeaders(answer);
    // Each service knows its own methods only.
    if (answer.statusCode === 405 && STORE_RESOURCE.test(this.#request.url ?? '')) headers.push('Allow', 'POST');
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, headers);
    answer.pipe(response);
    // Cut off, so that it cannot pass for a whole answer.
    answer.once('close', () => (answer.complete ? undefined : response.destroy()));
    answer.on('error', () => response.destroy());
  }

  #fail(): void {
    const response = this.#response;
    if (response.headersSent || response.destroyed) return;
    if (this.#isBodySent) this.#refuse(502, 'The service broke off before it answered; try again.');
    else this.run();
  }

  #refuse(status: number, detail: string): void {
    sendJson(this.#response, status, { type: 'about:blank', title: titleOf(status), status, detail, code: 'archive.busy' }, true);
    this.#request.resume();
  }
}

/** Answers with JSON, a problem when told so. */
export function sendJson(response: ServerResponse, status: number, body: object, isProblem = false): void {
  response.writeHead(status, {
    'content-type': isProblem ? 'application/problem+json' : 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    ...(isProblem ? { 'retry-after': '5' } : {}),
  });
  response.end(JSON.stringify(body));
}

function titleOf(status: number): string {
  return status === 503 ? 'Service Unavailable' : 'Bad Gateway';
}
