import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/**
 * What becomes of one request: an error answer; `reset` before it reaches the store; `lose-answer` after the store has done it;
 * `stall`: no answer ever; `cut`: the answer's body breaks off after so many bytes; `silent`: it stops there without an end.
 */
export type Fault = { status: number; code?: string } | 'reset' | 'lose-answer' | 'stall' | { cut: number } | { silent: number };

/** A request as S3 names it. */
export type Operation = 'put' | 'create' | 'part' | 'complete' | 'abort' | 'get' | 'head' | 'delete' | 'list' | 'other';

/** An HTTP proxy before an S3 server that does to each request what its rule says. */
export interface FaultProxy {
  endpoint: string;
  /** Operations seen, in order. */
  seen: Operation[];
  /** Decides about each request; undefined: it passes. */
  rule: (operation: Operation, url: string) => Fault | undefined;
  close(): Promise<void>;
}

/** A rule: the first `times` requests of the operation meet the fault. */
export function first(times: number, operation: Operation, fault: Fault): FaultProxy['rule'] {
  let left = times;
  return (seen) => (seen === operation && left-- > 0 ? fault : undefined);
}

export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const server = createServer((request, response) => {
    const operation = operationOf(request);
    proxy.seen.push(operation);
    handle(target, request, response, proxy.rule(operation, request.url ?? '')).catch(() => request.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: FaultProxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    rule: () => undefined,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

/** Keys whose name begins with `~` are the store's own; what tests break is the objects. */
function operationOf({ method, url = '' }: IncomingMessage): Operation {
  const { pathname, searchParams } = new URL(url, 'http://store');
  if (pathname.includes('/~')) return 'other';
  if (searchParams.has('uploads')) return method === 'POST' ? 'create' : 'other';
  if (searchParams.has('uploadId')) return ({ PUT: 'part', POST: 'complete', DELETE: 'abort' } as const)[method as 'PUT'] ?? 'other';
  if (searchParams.has('list-type')) return 'list';
  if (pathname.split('/').length < 4) return 'other';
  return ({ PUT: 'put', GET: 'get', HEAD: 'head', DELETE: 'delete' } as const)[method as 'PUT'] ?? 'other';
}

async function handle(target: string, request: IncomingMessage, response: ServerResponse, fault: Fault | undefined): Promise<void> {
  if (fault === 'reset') return void request.socket.resetAndDestroy();
  if (fault === 'stall') return void request.resume();
  const body = await buffer(request);
  if (typeof fault === 'object' && 'status' in fault) {
    const xml = `<?xml version="1.0"?><Error><Code>${fault.code ?? 'InternalError'}</Code><Message>made by a test</Message></Error>`;
    response.writeHead(fault.status, { 'content-type': 'application/xml' }).end(xml);
    return;
  }
  const answer = await forward(target, request, body);
  if (fault === 'lose-answer') {
    await buffer(answer);
    return void request.socket.resetAndDestroy();
  }
  response.writeHead(answer.statusCode ?? 500, answer.rawHeaders);
  if (fault === undefined) return void answer.pipe(response);
  const sent = (await buffer(answer)).subarray(0, 'cut' in fault ? fault.cut : fault.silent);
  response.write(sent, () => {
    if ('cut' in fault) request.socket.resetAndDestroy();
  });
}

function forward(target: string, { method, url, rawHeaders }: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(target);
    const headers = rawHeaders.filter((_, index) => !/^(expect|connection)$/i.test(rawHeaders[index - (index % 2)]!));
    httpRequest({ hostname, port, method: method!, path: url!, headers: [...headers, 'connection', 'close'] }, resolve)
      .on('error', reject)
      .end(body);
  });
}
