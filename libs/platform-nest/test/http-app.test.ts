import { get } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, Post, Req } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { CairnError, silentLogger } from '@cairn/core';
import { Metrics } from '@cairn/telemetry';
import { HealthModule, createHttpApp, publicBaseUrl } from '../src/index.ts';

@Controller('dicom-web')
class SampleController {
  @Get('/base')
  base(@Req() request: FastifyRequest): { base: string } {
    return { base: publicBaseUrl(request) };
  }

  @Get('/studies/:study')
  study(): never {
    throw new CairnError('archive.not-found', 'No such study.', { details: { level: 'study' } });
  }

  @Post('/studies')
  async store(@Req() request: FastifyRequest): Promise<{ bytes: number }> {
    let bytes = 0;
    for await (const chunk of request.raw) bytes += (chunk as Buffer).length;
    return { bytes };
  }

  @Get('/fault')
  fault(): never {
    throw new Error('PATIENT^NAME in a message');
  }
}

let ready: Error | undefined;
let optional: Error | undefined;
let app: NestFastifyApplication;
let url: string;

beforeAll(async () => {
  const metrics = new Metrics();
  const health = HealthModule.forRoot({
    checks: [
      { name: 'store', check: () => (ready ? Promise.reject(ready) : Promise.resolve()) },
      { name: 'index', optional: true, check: () => (optional ? Promise.reject(optional) : Promise.resolve()) },
    ],
    metrics,
    startPage: () => '<h1>Cairn</h1>',
  });
  class RootModule {}
  Module({ imports: [health], controllers: [SampleController] })(RootModule);
  app = await createHttpApp(RootModule, {
    logger: silentLogger,
    metrics,
    statusOf: (code) => (code === 'archive.not-found' ? 404 : 500),
    corsOrigins: ['http://viewer.example'],
    trustedProxies: ['loopback'],
    basePath: '/dicom-web',
  });
  await app.listen(0, '127.0.0.1');
  url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
});
afterAll(() => app.close());

describe('createHttpApp', () => {
  it('answers CairnErrors as problems with the table status', async () => {
    const response = await fetch(`${url}/dicom-web/studies/1.2`);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({ status: 404, code: 'archive.not-found', detail: 'No such study.', level: 'study' });
  });

  it('keeps the message of a fault to itself (case 63)', async () => {
    const response = await fetch(`${url}/dicom-web/fault`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('PATIENT');
  });

  it('answers 405 with Allow on a known path and 404 on an unknown one', async () => {
    const wrong = await fetch(`${url}/dicom-web/studies`, { method: 'DELETE' });
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
    const put = await fetch(`${url}/dicom-web/studies/1.2`, { method: 'PUT', body: 'x' });
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect((await fetch(`${url}/dicom-web/nothing?PatientName=SECRET`)).status).toBe(404);
    expect(await (await fetch(`${url}/dicom-web/nothing?PatientName=SECRET`)).text()).not.toContain('SECRET');
  });

  it('answers a malformed address with 400 (case 62)', async () => {
    expect((await fetch(`${url}/dicom-web/studies/%zz`)).status).toBe(400);
  });

  it('hands bodies of any type on as streams', async () => {
    const response = await fetch(`${url}/dicom-web/studies`, {
      method: 'POST',
      body: Buffer.alloc(3_000_000),
      headers: { 'content-type': 'application/json' },
    });
    expect(await response.json()).toEqual({ bytes: 3_000_000 });
  });

  it('tells live and ready, and why not', async () => {
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    ready = new CairnError('object-store.unavailable', 'The folder cannot be written.');
    const response = await fetch(`${url}/health/ready`);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ status: 'not ready', checks: { store: 'The folder cannot be written.', index: 'ok' } });
    ready = undefined;
  });

  it('stays ready without what it can do without, and says so', async () => {
    optional = new CairnError('metadata-store.unavailable', 'MongoDB does not answer.');
    const response = await fetch(`${url}/health/ready`);
    expect([response.status, await response.json()]).toEqual([
      200,
      { status: 'ready', checks: { store: 'ok', index: 'MongoDB does not answer.' } },
    ]);
    optional = undefined;
  });

  it('counts requests by route, never by address', async () => {
    await fetch(`${url}/dicom-web/studies/1.2.3.4`);
    const text = await (await fetch(`${url}/metrics`)).text();
    expect(text).toContain('cairn_http_requests_total{route="/dicom-web/studies/:study",method="GET",status="404"}');
    expect(text).not.toContain('1.2.3.4');
  });

  it('allows only the configured origins (case 59)', async () => {
    const preflight = (origin: string): Promise<Response> =>
      fetch(`${url}/dicom-web/base`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'accept' },
      });
    const allowed = await preflight('http://viewer.example');
    expect(allowed.headers.get('access-control-allow-origin')).toBe('http://viewer.example');
    expect(allowed.headers.get('access-control-max-age')).toBe('86400');
    expect((await preflight('null')).headers.get('access-control-allow-origin')).not.toBe('null');
    expect((await preflight('http://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
    const answer = await fetch(`${url}/dicom-web/studies/1.2`, { headers: { origin: 'http://viewer.example' } });
    expect(answer.headers.get('access-control-allow-origin')).toBe('http://viewer.example');
    expect(
      (await fetch(`${url}/dicom-web/base`, { headers: { origin: 'http://viewer.example' } })).headers.get('access-control-expose-headers'),
    ).toContain('Content-Range');
  });
});

describe('publicBaseUrl', () => {
  const base = async (headers: Record<string, string>): Promise<string> =>
    ((await (await fetch(`${url}/dicom-web/base`, { headers })).json()) as { base: string }).base;

  it('follows the Host header', async () => {
    expect(await base({})).toBe(`${url}/dicom-web`);
  });

  it('adds the port that a client leaves out of our own address (Python’s dicomweb-client)', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      get(`${url}/dicom-web/base`, { headers: { host: '127.0.0.1' } }, (response) =>
        response.once('data', (data) => resolve(String(data))),
      ).on('error', reject);
    });
    expect(JSON.parse(answer)).toEqual({ base: `${url}/dicom-web` });
  });

  it('follows forwarding headers of a trusted proxy', async () => {
    expect(await base({ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'pacs.example', 'x-forwarded-prefix': '/archive/' })).toBe(
      'https://pacs.example/archive/dicom-web',
    );
    expect(await base({ forwarded: 'for=1.2.3.4;proto=https;host="pacs.example:8443"' })).toBe('https://pacs.example:8443/dicom-web');
  });

  it('ignores malformed ones', async () => {
    expect(await base({ 'x-forwarded-proto': 'javascript', 'x-forwarded-host': 'a"b/c', 'x-forwarded-prefix': '//evil' })).toBe(
      `${url}/dicom-web`,
    );
  });
});
