import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { silentLogger, systemScope } from '@cairn/core';
import type { DicomJson } from '@cairn/core';
import { createHttpApp } from '@cairn/platform-nest';
import { Metrics } from '@cairn/telemetry';
import { IngestModule, httpStatusOf } from '../src/ingest.module.ts';
import { FakeReceiver } from './fake-receiver.ts';

const receiver = new FakeReceiver();
const logged: string[] = [];
const logger = { ...silentLogger, error: (_fields: object, event: string) => void logged.push(event) };
let app: Awaited<ReturnType<typeof createHttpApp>>;
let base: string;
let port: number;

beforeAll(async () => {
  const scope = systemScope('default');
  const module = IngestModule.forRoot(
    { maxRequestBytes: 8 * 1024 * 1024, maxParts: 1000, commitsInFlight: 3 },
    { receiver, scopeOf: () => scope, logger },
  );
  app = await createHttpApp(module, {
    logger,
    metrics: new Metrics(),
    statusOf: httpStatusOf,
    corsOrigins: [],
    trustedProxies: [],
    basePath: '/dicom-web',
  });
  await app.listen(0, '127.0.0.1');
  port = Number(new URL(await app.getUrl()).port);
  base = `http://127.0.0.1:${port}/dicom-web`;
});
afterAll(() => app.close());
afterEach(() => {
  receiver.release();
  receiver.calls.length = 0;
  logged.length = 0;
  receiver.mostWaiting = 0;
});

const TYPE = 'multipart/related; type="application/dicom"; boundary=b';

function multipart(bodies: readonly string[], partType = 'application/dicom'): string {
  return `${bodies.map((body) => `\r\n--b\r\nContent-Type: ${partType}\r\n\r\n${body}`).join('')}\r\n--b--\r\n`;
}

async function post(body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}, path = '/studies'): Promise<Response> {
  return await fetch(base + path, { method: 'POST', body, headers: { 'content-type': TYPE, ...headers } });
}

const values = (body: DicomJson, tag: string): unknown[] => [...(body[tag]?.Value ?? [])];

describe('STOW-RS', () => {
  it('stores every part and answers 200 without a failed sequence', async () => {
    const response = await post(multipart(['1.2/1.3/1.4', '1.2/1.3/1.5']), { accept: '*/*' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/dicom+json');
    const body = (await response.json()) as DicomJson;
    expect(Object.keys(body)).toEqual(['00081190', '00081199']);
    expect(values(body, '00081190')).toEqual([`${base}/studies/1.2`]);
    expect(values(body, '00081199')).toHaveLength(2);
    expect(receiver.calls.map(({ request }) => request)).toEqual([
      { source: { protocol: 'stow', address: '127.0.0.1' } },
      { source: { protocol: 'stow', address: '127.0.0.1' } },
    ]);
  });

  it('answers in XML where asked (dcm4che, Weasis)', async () => {
    const response = await post(multipart(['1.2/1.3/1.4']), { accept: 'application/dicom+xml' });
    expect(response.headers.get('content-type')).toBe('application/dicom+xml');
    expect(await response.text()).toContain('<DicomAttribute tag="00081199" vr="SQ" keyword="ReferencedSOPSequence"><Item number="1">');
  });

  it.each([
    ['CTP: unquoted, trailing semicolon', 'multipart/related; type=application/dicom; boundary=b;', 'application/dicom'],
    ['dcm4che: boundary first', 'Multipart/Related; boundary="b"; type="application/dicom"', 'application/dicom'],
    ['no root type', 'multipart/related; boundary=b', 'application/dicom'],
  ])('takes the Content-Type of %s', async (_client, type, partType) => {
    expect((await post(multipart(['1.2/1.3/1.4'], partType), { 'content-type': type })).status).toBe(200);
  });

  it('passes the transfer syntax of a part on (dcm4chee)', async () => {
    await post(multipart(['1.2/1.3/1.4'], 'application/dicom;transfer-syntax=1.2.840.10008.1.2'));
    expect(receiver.calls[0]?.request.transferSyntaxUid).toBe('1.2.840.10008.1.2');
  });

  it('takes one instance as application/dicom (Azure)', async () => {
    const response = await post('1.2/1.3/1.4', { 'content-type': 'application/dicom' });
    expect(response.status).toBe(200);
    expect(receiver.calls[0]?.bytes.toString()).toBe('1.2/1.3/1.4');
  });

  it('takes a chunked body without Content-Length (IDC)', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(`${base}/studies`, { method: 'POST', headers: { 'content-type': TYPE } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on('error', reject);
      for (const character of multipart(['1.2/1.3/1.4'])) request.write(character);
      request.end();
    });
    expect(status).toBe(200);
  });

  it('case 49: of 100 with 1 bad answers 202 with the 99 durable before', async () => {
    const bodies = Array.from({ length: 100 }, (_, index) => (index === 50 ? 'bad' : `1.2/1.3/1.${index}`));
    const response = await post(multipart(bodies));
    expect(receiver.calls).toHaveLength(99);
    expect(response.status).toBe(202);
    const body = (await response.json()) as DicomJson;
    expect(values(body, '00081199')).toHaveLength(99);
    expect(values(body, '00081198')).toEqual([{ '00081155': { vr: 'UI', Value: ['9.9'] }, '00081197': { vr: 'US', Value: [0xc000] } }]);
  });

  it('case 50: a study other than that of the address fails and is not stored', async () => {
    const response = await post(multipart(['1.2/1.3/1.4']), {}, '/studies/1.9');
    expect(response.status).toBe(409);
    expect(values((await response.json()) as DicomJson, '00081198')).toEqual([
      {
        '00081150': { vr: 'UI', Value: ['1.5'] },
        '00081155': { vr: 'UI', Value: ['1.4'] },
        '00081197': { vr: 'US', Value: [0x0110] },
      },
    ]);
    expect(receiver.calls).toEqual([]);
    expect((await post(multipart(['1.2/1.3/1.4']), {}, '/studies/1.2')).status).toBe(200);
  });

  it('case 46: a Content-Location of a part is ignored', async () => {
    const body = multipart(['1.2/1.3/1.4']).replace('Content-Type', 'Content-Location: file:///etc/../x\r\nContent-Type');
    expect((await post(body)).status).toBe(200);
  });

  it('answers with the reason when nothing could be stored for want of space, and lives on (case 106)', async () => {
    const response = await post(multipart(['full', 'full']));
    expect([response.status, await response.json()]).toEqual([507, expect.objectContaining({ code: 'object-store.full' })]);
    expect((await post(multipart(['1.2/1.3/1.4', 'full']))).status).toBe(202);
  });

  it('case 63: a fault of ours is a 500 without what it said', async () => {
    const response = await post(multipart(['fault']));
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('PATIENT');
    expect(logged).toContain('stow.receive-failed');
  });

  it('reads on while earlier instances await their commit, up to the bound', async () => {
    receiver.hold();
    const answer = post(multipart(Array.from({ length: 10 }, (_, index) => `1.2/1.3/1.${index}`)));
    while (receiver.waiting < 3) await new Promise((resolve) => setImmediate(resolve));
    receiver.release();
    expect((await answer).status).toBe(200);
    expect(receiver.mostWaiting).toBe(3);
  });
});

describe('a STOW-RS request that cannot be taken', () => {
  it.each([
    ['an empty body', '', TYPE, 400, 'web.bad-request'],
    ['no parts', '--b--\r\n', TYPE, 400, 'web.bad-request'],
    ['case 44: another boundary', '--c\r\n\r\nx\r\n--c--', TYPE, 400, 'web.bad-multipart'],
    ['case 44: no boundary', 'x', 'multipart/related; type="application/dicom"', 400, 'web.bad-multipart'],
    ['case 44: a header without a name', '--b\r\n: x\r\n\r\nx\r\n--b--', TYPE, 400, 'web.bad-multipart'],
    ['case 44: a truncated body', '--b\r\n\r\n1.2/1.3/1.4', TYPE, 400, 'web.bad-multipart'],
    ['case 45: a header of 1 MB', `--b\r\nA: ${'x'.repeat(1 << 20)}\r\n\r\nx\r\n--b--`, TYPE, 413, 'web.payload-too-large'],
    ['case 45: too many empty parts', `${'--b\r\n\r\n'.repeat(2000)}--b--`, TYPE, 413, 'web.payload-too-large'],
    ['a form', 'a=b', 'application/x-www-form-urlencoded', 415, 'web.unsupported-media-type'],
    ['JSON', '{}', 'application/json', 415, 'web.unsupported-media-type'],
    ['form data', '--b--', 'multipart/form-data; boundary=b', 415, 'web.unsupported-media-type'],
    ['metadata with bulk data', '--b--', 'multipart/related; type="application/dicom+json"; boundary=b', 415, 'web.unsupported-media-type'],
  ])('%s', async (_what, body, type, status, code) => {
    const response = await post(body, { 'content-type': type });
    expect([response.status, await response.json()]).toEqual([status, expect.objectContaining({ code })]);
  });

  it('case 44: a truncated instance is not stored, whole ones before it are', async () => {
    expect((await post(`${multipart(['1.2/1.3/1.4']).replace('--b--\r\n', '--b\r\n\r\n1.2/1.3/1.5')}`)).status).toBe(400);
    expect(receiver.calls.map(({ bytes }) => bytes.toString())).toEqual(['1.2/1.3/1.4']);
  });

  it('a part of another type fails alone', async () => {
    const body = multipart(['1.2/1.3/1.4']).replace('--b--', '--b\r\nContent-Type: text/html\r\n\r\nx\r\n--b--');
    expect((await post(body)).status).toBe(202);
  });

  it('case 48: a gzip bomb is not inflated: 415 that says what is taken', async () => {
    const response = await post(gzipSync(Buffer.alloc(1 << 20)), { 'content-encoding': 'gzip' });
    expect([response.status, response.headers.get('accept-encoding')]).toEqual([415, 'identity']);
  });

  it('case 47: a claimed length of 4 GiB allocates nothing and gets 413', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.write(`POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nContent-Type: ${TYPE}\r\nContent-Length: 4294967295\r\n\r\n`);
    const [answer] = (await new Promise((resolve) => socket.once('data', (data) => resolve([data.toString()])))) as [string];
    socket.destroy();
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('case 47: a body that grows beyond the limit gets 413', async () => {
    expect((await post(multipart(['x'.repeat(9 * 1024 * 1024)]))).status).toBe(413);
  });

  it('is told what answers there are', async () => {
    expect((await post(multipart(['1.2/1.3/1.4']), { accept: 'text/html' })).status).toBe(406);
    expect(receiver.calls).toEqual([]);
  });

  it.each([
    ['abc', 400],
    ['%2e%2e', 404],
    ['1.2.', 404],
    ['1.2%00', 404],
    ['..%5Cx', 404],
    ['%252e', 404],
  ])('case 62: at /studies/%s → %d', async (study, status) => {
    const answer = await new Promise<number | undefined>((resolve, reject) => {
      const options = { port, host: '127.0.0.1', path: `/dicom-web/studies/${study}`, method: 'POST', headers: { 'content-type': TYPE } };
      const request = httpRequest(options, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on('error', reject).end(multipart(['1.2/1.3/1.4']));
    });
    expect(answer).toBe(status);
  });

  it('does not take other methods', async () => {
    const response = await fetch(`${base}/studies`, { method: 'PUT', body: 'x' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('a client that goes away leaves nothing behind', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.write(`POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nContent-Type: ${TYPE}\r\nContent-Length: 1000\r\n\r\n--b\r\n\r\n1.2/1.3/`);
    while (receiver.reading === 0) await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
    while (receiver.reading > 0) await new Promise((resolve) => setImmediate(resolve));
    expect((await post(multipart(['1.2/1.3/1.4']))).status).toBe(200);
    expect(receiver.calls).toHaveLength(1);
    expect(logged).toEqual([]);
  });
});
