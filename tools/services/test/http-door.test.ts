import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createHttpDoor, serviceOf } from '../src/http-door.ts';
import type { Upstream } from '../src/http-door.ts';
import type { ServiceName } from '../src/replicas.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

async function service(listener: RequestListener): Promise<Upstream> {
  return { httpPort: await listening(createServer(listener)) };
}

async function dead(): Promise<Upstream> {
  const server = createServer();
  const httpPort = await listening(server);
  server.close();
  return { httpPort };
}

async function door(upstreams: Partial<Record<ServiceName, Upstream[]>>, trustedProxies = ['loopback']): Promise<string> {
  const server = createHttpDoor({ upstreams: (name) => upstreams[name] ?? [], answer: () => false, trustedProxies });
  return `http://127.0.0.1:${await listening(server)}`;
}

const named =
  (name: string): RequestListener =>
  (incoming, response) =>
    void text(incoming).then((body) => response.end(`${name} ${incoming.method} ${incoming.url} ${body}`));

describe('serviceOf', () => {
  it.each([
    ['POST', '/dicom-web/studies', 'ingest'],
    ['POST', '/dicom-web/studies/1.2.3', 'ingest'],
    ['POST', '/dicom-web/studies?x=1', 'ingest'],
    ['POST', '/dicom-web/studies/1.2.3/series', 'query-retrieve'],
    ['GET', '/dicom-web/studies', 'query-retrieve'],
    ['OPTIONS', '/dicom-web/studies', 'query-retrieve'],
    ['PUT', '/dicom-web/studies', 'query-retrieve'],
    ['POST', '/', 'query-retrieve'],
  ])('%s %s goes to %s', (method, url, expected) => {
    expect(serviceOf(method, url)).toBe(expected);
  });
});

describe('createHttpDoor', () => {
  it('routes by method and path', async () => {
    const origin = await door({ ingest: [await service(named('in'))], 'query-retrieve': [await service(named('out'))] });
    const stored = await fetch(`${origin}/dicom-web/studies`, { method: 'POST', body: 'x' });
    expect(await stored.text()).toBe('in POST /dicom-web/studies x');
    expect(await (await fetch(`${origin}/dicom-web/series?PatientID=a%20b`)).text()).toBe('out GET /dicom-web/series?PatientID=a%20b ');
  });

  it('asks another replica, for a body too, when one cannot be reached', async () => {
    const ingest = [await dead(), await service(named('second'))];
    const origin = await door({ ingest, 'query-retrieve': ingest });
    expect(await (await fetch(`${origin}/dicom-web/studies`)).text()).toMatch(/^second/);
    expect(await (await fetch(`${origin}/dicom-web/studies`, { method: 'POST', body: 'x' })).text()).toMatch(/^second.* x$/);
  });

  it('asks another replica when one breaks off before it answers a GET, never for a body', async () => {
    const broken = await service((incoming) => incoming.socket.destroy());
    const both = [broken, await service(named('second'))];
    const origin = await door({ ingest: both, 'query-retrieve': both });
    expect(await (await fetch(`${origin}/dicom-web/studies`)).text()).toMatch(/^second/);
    const answer = await fetch(`${origin}/dicom-web/studies`, { method: 'POST', body: 'x' });
    expect([answer.status, answer.headers.get('retry-after'), answer.headers.get('content-type')]).toEqual([
      502,
      '5',
      'application/problem+json',
    ]);
  });

  it('answers 503 with Retry-After when no replica answers', async () => {
    const origin = await door({ 'query-retrieve': [await dead()] });
    const answer = await fetch(`${origin}/dicom-web/studies`);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await answer.json()).toMatchObject({ status: 503, code: 'archive.busy' });
  });

  it('streams both ways: the answer begins before the request has ended', async () => {
    const echo = await service((incoming, response) => void incoming.pipe(response));
    const origin = await door({ ingest: [echo] });
    const outgoing = request(`${origin}/dicom-web/studies`, { method: 'POST' });
    outgoing.write('one');
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    expect(String((await once(answer, 'data'))[0])).toBe('one');
    outgoing.end('two');
    expect(await text(answer)).toBe('two');
  });

  it('cuts off the answer when the service breaks off in its middle', async () => {
    const cut = await service((_incoming, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('half');
      setTimeout(() => response.destroy(), 20);
    });
    const answer = await fetch(await door({ 'query-retrieve': [cut] }));
    await expect(answer.text()).rejects.toThrow();
  });

  it('lets the service notice that the caller is gone', async () => {
    let left: () => void = () => undefined;
    const noticed = new Promise<void>((resolve) => (left = resolve));
    const slow = await service((_incoming, response) => void response.once('close', left).write('…'));
    const abort = new AbortController();
    const answer = await fetch(await door({ 'query-retrieve': [slow] }), { signal: abort.signal });
    abort.abort();
    await noticed;
    expect(answer.status).toBe(200);
  });

  it('asks for the body only when the service wants it', async () => {
    const server = createServer();
    server.on('checkContinue', (_incoming, response: ServerResponse) => response.writeHead(413).end());
    const origin = await door({ ingest: [{ httpPort: await listening(server) }] });
    const socket = connect(Number(new URL(origin).port), '127.0.0.1');
    socket.write('POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('tells how it was reached, and believes proxies in front only where they are trusted', async () => {
    const echo = await service((incoming, response) => response.end(JSON.stringify(incoming.headers)));
    const headers = { 'X-Forwarded-Host': 'pacs.example.org', 'X-Forwarded-Proto': 'https' };
    const seen = async (trusted: string[]): Promise<Record<string, string>> => {
      const answer = await fetch(await door({ 'query-retrieve': [echo] }, trusted), { headers });
      return (await answer.json()) as Record<string, string>;
    };
    expect(await seen(['loopback'])).toMatchObject({ 'x-forwarded-host': 'pacs.example.org', 'x-forwarded-proto': 'https' });
    expect(await seen(['10.0.0.1'])).toMatchObject({ 'x-forwarded-host': expect.stringMatching(/^127/), 'x-forwarded-proto': 'http' });
  });

  it('says that instances can be posted where only the other service refuses a method', async () => {
    const refusing = await service((_incoming, response) => response.writeHead(405, { allow: 'GET, HEAD' }).end());
    const origin = await door({ 'query-retrieve': [refusing] });
    const answer = await fetch(`${origin}/dicom-web/studies`, { method: 'DELETE' });
    expect(answer.headers.get('allow')).toBe('GET, HEAD, POST');
  });

  it('passes an early refusal on while the body still comes', async () => {
    const refusing = await service((_incoming, response) => response.writeHead(415, { connection: 'close' }).end('no'));
    const origin = await door({ ingest: [refusing] });
    const outgoing = request(`${origin}/dicom-web/studies`, { method: 'POST' });
    outgoing.on('error', () => undefined).write('x');
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    expect([answer.statusCode, await text(answer)]).toEqual([415, 'no']);
    for (let piece = 0; piece < 50; piece++) outgoing.write(Buffer.alloc(64 * 1024));
    outgoing.end();
    await delay(1);
  });
});
