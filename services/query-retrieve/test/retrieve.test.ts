import { createHash } from 'node:crypto';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { parseMediaType, boundaryOf, readMultipart } from '@cairn/dicomweb';
import { startApp } from './app.ts';
import type { Answer, TestApp } from './app.ts';
import { EXPLICIT, IMPLICIT, J2K } from './fakes.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const PDF = Buffer.from('%PDF-1.7 …');
beforeEach(() => {
  app.logged.length = 0;
  app.retriever.givenBytes = 0;
  app.retriever.instances = [
    {
      uid: '1.4',
      transferSyntaxUid: EXPLICIT,
      bytes: Buffer.from('explicit'),
      frames: [Buffer.from('frame one'), Buffer.from('frame two')],
    },
    { uid: '1.5', transferSyntaxUid: J2K, bytes: Buffer.from('j2k'), frames: [Buffer.from('codestream')], mediaType: 'image/jp2' },
    {
      uid: '1.6',
      transferSyntaxUid: IMPLICIT,
      bytes: Buffer.from('implicit'),
      bulk: { '00420011': { bytes: PDF, mediaType: 'application/pdf' } },
    },
  ];
});

const SERIES = '/studies/1.2/series/1.3';
const one = (uid: string): string => `${SERIES}/instances/${uid}`;
const AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*';
const OCTETS = 'multipart/related; type="application/octet-stream"; transfer-syntax=*';

async function partsOf({ headers, body }: Answer): Promise<{ type: string | undefined; body: string }[]> {
  async function* source(): AsyncGenerator<Uint8Array> {
    yield body;
  }
  const parts: { type: string | undefined; body: string }[] = [];
  for await (const part of readMultipart(source(), boundaryOf(parseMediaType(headers['content-type']!)!))) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of part.body) chunks.push(chunk);
    parts.push({ type: part.headers.get('content-type'), body: Buffer.concat(chunks).toString() });
  }
  return parts;
}

/** The series' digest as a client gets it that reads nothing at first, so that the server's writes wait. */
async function hashSlowly(pauseMs: number): Promise<string> {
  const hash = createHash('sha256');
  const options = { port: app.port, host: '127.0.0.1', path: `/dicom-web${SERIES}`, headers: { accept: AS_STORED }, agent: false };
  const response = await new Promise<IncomingMessage>((resolve, reject) => get(options, resolve).on('error', reject));
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
  for await (const chunk of response) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

describe('WADO-RS instances', () => {
  it.each([['/studies/1.2'], [SERIES]])('gives all of %s as stored, with the length known', async (path) => {
    const answer = await app.get(path, { accept: AS_STORED });
    expect([answer.status, Number(answer.headers['content-length'])]).toEqual([200, answer.body.length]);
    expect(await partsOf(answer)).toEqual([
      { type: `application/dicom; transfer-syntax=${EXPLICIT}`, body: 'explicit' },
      { type: `application/dicom; transfer-syntax=${J2K}`, body: 'j2k' },
      { type: `application/dicom; transfer-syntax=${IMPLICIT}`, body: 'implicit' },
    ]);
  });

  it('gives Explicit VR Little Endian where nothing is asked for, compressed ones as stored', async () => {
    const answer = await app.get(SERIES);
    expect(answer.headers['content-length']).toBeUndefined();
    expect((await partsOf(answer)).map(({ body }) => body)).toEqual(['explicit', 'j2k', 'converted:implicit']);
  });

  it('gives one instance alone where asked (Google)', async () => {
    const { headers, body } = await app.get(one('1.5'), { accept: 'application/dicom; transfer-syntax=*' });
    expect([headers['content-type'], headers['content-length'], body.toString()]).toEqual([
      `application/dicom; transfer-syntax=${J2K}`,
      '3',
      'j2k',
    ]);
  });

  it('converts one instance alone', async () => {
    const { headers, body } = await app.get(one('1.6'), { accept: 'application/dicom' });
    expect([headers['content-type'], body.toString()]).toEqual([`application/dicom; transfer-syntax=${EXPLICIT}`, 'converted:implicit']);
  });

  it('writes part headers as widely used clients need them', async () => {
    const { body } = await app.get(one('1.5'), { accept: AS_STORED });
    expect(body.toString()).toMatch(
      /^--cairn-[0-9a-f]{32}\r\nContent-Type: application\/dicom; transfer-syntax=[\d.]+\r\nContent-Length: 3\r\nContent-Location: http:[^\r]+\r\n\r\nj2k\r\n--cairn-[0-9a-f]{32}--\r\n$/,
    );
  });

  it.each([
    ['a syntax that needs a codec', one('1.5'), 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.50'],
    ['one instance of several that cannot', SERIES, `multipart/related; type="application/dicom"; transfer-syntax=${EXPLICIT}`],
    ['implicit VR by name, which the web forbids', one('1.6'), `multipart/related; type="application/dicom"; transfer-syntax=${IMPLICIT}`],
    ['an unknown syntax', one('1.4'), 'multipart/related; type="application/dicom"; transfer-syntax=9.9'],
    ['a single part of a series', SERIES, 'application/dicom'],
    ['an image', one('1.4'), 'image/jpeg'],
  ])('gives 406 for %s', async (_what, path, accept) => {
    expect((await app.get(path, { accept })).status).toBe(406);
  });

  it('falls back to the second choice', async () => {
    const accept = `multipart/related; type="application/dicom"; transfer-syntax=${EXPLICIT}, multipart/related; type="application/dicom"; transfer-syntax=*; q=0.5`;
    expect((await app.get(one('1.5'), { accept })).status).toBe(200);
  });

  it.each([['/studies/9.9'], ['/studies/1.2/series/9.9'], [one('9.9')], [`${one('9.9')}/metadata`], [`${one('9.9')}/frames/1`]])(
    'gives 404 for %s',
    async (path) => {
      const { status, body } = await app.get(path);
      expect([status, JSON.parse(body.toString())]).toEqual([404, expect.objectContaining({ code: 'archive.not-found' })]);
    },
  );

  it('answers HEAD without a body', async () => {
    const { status, headers, body } = await app.get('/studies/1.2', { accept: AS_STORED }, 'HEAD');
    expect([status, body.length, Number(headers['content-length'])]).toEqual([
      200,
      0,
      (await app.get('/studies/1.2', { accept: AS_STORED })).body.length,
    ]);
    expect(app.retriever.open).toBe(0);
  });

  it('reports a failure before the first byte as an error', async () => {
    app.retriever.instances = [{ uid: '1.4', transferSyntaxUid: EXPLICIT, bytes: Buffer.from('x'), broken: 'open' }];
    const { status, cut } = await app.get(SERIES, { accept: AS_STORED });
    expect([status, cut]).toEqual([500, false]);
  });

  it.each([
    ['with a known length', AS_STORED],
    ['in chunked coding', 'multipart/related; type="application/dicom"'],
  ])('cuts the connection after a later failure: %s', async (_how, accept) => {
    app.retriever.instances = [
      ...app.retriever.instances,
      { uid: '1.7', transferSyntaxUid: EXPLICIT, bytes: Buffer.alloc(3 << 20), broken: 'read' },
    ];
    const { status, cut } = await app.get(SERIES, { accept });
    expect([status, cut]).toEqual([200, true]);
    expect(app.logged).toEqual(['http.request-failed']);
    expect(app.retriever.open).toBe(0);
  });

  it('sends the right bytes to slow clients while buffers are handed back and filled anew', async () => {
    app.retriever.instances = Array.from({ length: 16 }, (_, index) => ({
      uid: `1.${index}`,
      transferSyntaxUid: EXPLICIT,
      bytes: Buffer.alloc(1 << 20, index + 1),
    }));
    const whole = await app.get(SERIES, { accept: AS_STORED });
    const hashes = await Promise.all(Array.from({ length: 6 }, (_, index) => hashSlowly(50 + index * 20)));
    expect(hashes).toEqual(hashes.map(() => createHash('sha256').update(whole.body).digest('hex')));
  });

  it('case 60: reads no further for a client that does not read', async () => {
    const bytes = Buffer.alloc(1 << 20);
    app.retriever.instances = Array.from({ length: 400 }, (_, index) => ({ uid: `1.${index}`, transferSyntaxUid: EXPLICIT, bytes }));
    const socket = connect(app.port, '127.0.0.1').pause();
    socket.write(`GET /dicom-web${SERIES} HTTP/1.1\r\nHost: x\r\nAccept: ${AS_STORED}\r\n\r\n`);
    let before = -1;
    // The buffers of the two sockets fill up; then nothing moves any more.
    while (before < app.retriever.givenBytes || app.retriever.givenBytes === 0) {
      before = app.retriever.givenBytes;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(app.retriever.givenBytes).toBeLessThan(64 << 20);
    expect((await app.get(one('1.1'), { accept: AS_STORED })).status).toBe(200);
    socket.destroy();
    while (app.retriever.open > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it('stops reading when the client goes away', async () => {
    app.retriever.instances = Array.from({ length: 200 }, (_, index) => ({
      uid: `1.${index}`,
      transferSyntaxUid: EXPLICIT,
      bytes: Buffer.alloc(1 << 20),
    }));
    const socket = connect(app.port, '127.0.0.1');
    socket.write(`GET /dicom-web${SERIES} HTTP/1.1\r\nHost: x\r\nAccept: ${AS_STORED}\r\n\r\n`);
    await new Promise((resolve) => socket.once('data', resolve));
    expect(app.retriever.open).toBe(1);
    socket.destroy();
    while (app.retriever.open > 0) await new Promise((resolve) => setImmediate(resolve));
    expect((await app.get(one('1.1'), { accept: AS_STORED })).status).toBe(200);
    expect(app.logged).toEqual([]);
  });
});

describe('WADO-RS metadata', () => {
  it.each([
    ['/studies/1.2', 3],
    [SERIES, 3],
    [one('1.5'), 1],
  ])('gives %s as one array with 200 (not 206)', async (path, count) => {
    const { status, headers, body } = await app.get(`${path}/metadata`, { accept: 'application/dicom+json' });
    expect([status, headers['content-type']]).toEqual([200, 'application/dicom+json']);
    const dataSets = JSON.parse(body.toString()) as Record<string, unknown>[];
    expect(dataSets).toHaveLength(count);
    expect(dataSets[0]?.['7FE00010']).toEqual({ vr: 'OW', BulkDataURI: `${app.base}/x` });
  });

  it('takes application/json', async () => {
    expect((await app.get(`${SERIES}/metadata`, { accept: 'application/json' })).headers['content-type']).toBe('application/json');
  });

  it('is gzip-coded when asked', async () => {
    const { headers, body } = await app.get(`${SERIES}/metadata`, { 'accept-encoding': 'gzip, deflate, br' });
    expect([headers['content-encoding'], headers.vary]).toEqual(['gzip', 'Accept, Accept-Encoding']);
    expect(JSON.parse(gunzipSync(body).toString())).toHaveLength(3);
  });

  it('gives XML, one part an instance', async () => {
    const answer = await app.get(`${SERIES}/metadata`, { accept: 'multipart/related; type="application/dicom+xml"' });
    const parts = await partsOf(answer);
    expect(parts.map(({ type }) => type)).toEqual(Array.from({ length: 3 }, () => 'application/dicom+xml'));
    expect(parts[0]?.body).toContain('<BulkData uri=');
  });

  it('has an ETag that changes with its content, and answers 304', async () => {
    const first = await app.get(`${SERIES}/metadata`);
    const { status, body } = await app.get(`${SERIES}/metadata`, { 'if-none-match': first.headers.etag! });
    expect([status, body.length]).toEqual([304, 0]);
    app.retriever.instances = app.retriever.instances.slice(1);
    expect((await app.get(`${SERIES}/metadata`, { 'if-none-match': first.headers.etag! })).status).toBe(200);
  });

  it.each([['multipart/related'], ['image/jpeg'], ['toto']])('gives 406 for %s', async (accept) => {
    expect((await app.get(`${SERIES}/metadata`, { accept })).status).toBe(406);
  });
});

describe('WADO-RS frames', () => {
  it('gives them in the order asked for', async () => {
    const answer = await app.get(`${one('1.4')}/frames/2,1`, { accept: OCTETS });
    expect(Number(answer.headers['content-length'])).toBe(answer.body.length);
    expect(await partsOf(answer)).toEqual([
      { type: `application/octet-stream; transfer-syntax=${EXPLICIT}`, body: 'frame two' },
      { type: `application/octet-stream; transfer-syntax=${EXPLICIT}`, body: 'frame one' },
    ]);
  });

  it.each([
    [OCTETS, `application/octet-stream; transfer-syntax=${J2K}`],
    ['multipart/related; type="image/jp2"', `image/jp2; transfer-syntax=${J2K}`],
    ['multipart/related; type="*/*"', `image/jp2; transfer-syntax=${J2K}`],
    ['multipart/related; type="application/octet-stream"', `application/octet-stream; transfer-syntax=${J2K}`],
  ])('names the stored syntax, unquoted, for %s', async (accept, type) => {
    const [part] = await partsOf(await app.get(`${one('1.5')}/frames/1`, { accept }));
    expect(part).toEqual({ type, body: 'codestream' });
  });

  it('gives one alone where asked, with its syntax', async () => {
    const { headers, body } = await app.get(`${one('1.5')}/frames/1`, { accept: 'application/octet-stream; transfer-syntax=*' });
    expect([headers['content-type'], body.toString()]).toEqual([`application/octet-stream; transfer-syntax=${J2K}`, 'codestream']);
  });

  it('gives 206 only for a range; pieces of one body fit together', async () => {
    const path = `${one('1.4')}/frames/1`;
    const whole = await app.get(path, { accept: OCTETS });
    expect([whole.status, whole.headers['accept-ranges']]).toEqual([200, 'bytes']);
    const pieces: Buffer[] = [];
    for (let start = 0; start < whole.body.length; start += 64) {
      const { status, headers, body } = await app.get(path, { accept: OCTETS, range: `bytes=${start}-${start + 63}` });
      const end = Math.min(start + 63, whole.body.length - 1);
      expect([status, headers['content-range']]).toEqual([206, `bytes ${start}-${end}/${whole.body.length}`]);
      pieces.push(body);
    }
    expect(Buffer.concat(pieces)).toEqual(whole.body);
  });

  it('case 61: refuses 1,000 overlapping ranges', async () => {
    const range = `bytes=${Array.from({ length: 1000 }, () => '0-').join(',')}`;
    const { status, headers } = await app.get(`${one('1.4')}/frames/1`, { accept: OCTETS, range });
    expect([status, headers['content-range']]).toEqual([416, expect.stringMatching(/^bytes \*\/\d+$/)]);
  });

  it.each([
    ['0', 404],
    ['3', 404],
    ['1,3', 404],
    ['x', 400],
    ['1,,2', 400],
  ])('of list %s → %d', async (frames, status) => {
    expect((await app.get(`${one('1.4')}/frames/${frames}`, { accept: OCTETS })).status).toBe(status);
  });

  it('gives 406 for a syntax that needs a codec, and for several alone', async () => {
    const accept = 'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.4.50';
    expect((await app.get(`${one('1.4')}/frames/1`, { accept })).status).toBe(406);
    expect((await app.get(`${one('1.4')}/frames/1,2`, { accept: 'application/octet-stream' })).status).toBe(406);
  });
});

describe('WADO-RS bulk data', () => {
  const path = `${one('1.6')}/bulkdata/00420011`;

  it('gives a document alone by default, with its type (media elements, curl)', async () => {
    const { headers, body } = await app.get(path, { accept: '*/*' });
    expect([headers['content-type'], headers['content-length']]).toEqual(['application/pdf', String(PDF.length)]);
    expect(body).toEqual(PDF);
  });

  it('gives parts where asked (OHIF)', async () => {
    const accept = 'multipart/related; type="application/pdf", multipart/related; type="application/octet-stream"';
    expect(await partsOf(await app.get(path, { accept }))).toEqual([{ type: 'application/pdf', body: PDF.toString() }]);
  });

  it('gives ranges', async () => {
    const { status, headers, body } = await app.get(path, { range: 'bytes=5-7' });
    expect([status, headers['content-range'], body.toString()]).toEqual([206, `bytes 5-7/${PDF.length}`, '1.7']);
    expect((await app.get(path, { range: 'bytes=1000-' })).status).toBe(416);
  });

  it('counts a range in the value, also in parts (IDC)', async () => {
    const answer = await app.get(path, { accept: 'multipart/related; type="*/*"', range: 'bytes=5-7' });
    expect([answer.status, answer.headers['content-range']]).toEqual([206, `bytes 5-7/${PDF.length}`]);
    expect(await partsOf(answer)).toEqual([{ type: 'application/pdf', body: '1.7' }]);
  });

  it('gives encapsulated pixel data as its frames', async () => {
    const parts = await partsOf(await app.get(`${one('1.5')}/bulkdata/7FE00010`, { accept: OCTETS }));
    expect(parts).toEqual([{ type: `application/octet-stream; transfer-syntax=${J2K}`, body: 'codestream' }]);
  });

  it.each([['00420012'], ['x'], ['00420011/0'], ['..%2f00420011'], ['00420011%00']])('gives 404 at %s', async (bulk) => {
    expect((await app.get(`${one('1.6')}/bulkdata/${bulk}`)).status).toBe(404);
  });
});

describe('addresses', () => {
  it.each([
    ['/studies/%2e%2e', 404],
    ['/studies/..%2f..%2fetc', 404],
    ['/studies/1.2%00', 404],
    ['/studies/%252e%252e', 404],
    ['/studies/1.2.', 404],
    ['/studies/1.2%5C', 404],
    ['/studies/1.2/nothing', 404],
    ['/studies/1.2/series/1.3/thumbnail', 404],
    ['/studies/abc/metadata', 400],
    [`/studies/${'1'.repeat(65)}`, 400],
    [`/studies/1.2/series/x y`.replace(' ', '%20'), 400],
    ['/studies/%zz', 400],
  ])('case 62: %s → %d', async (path, status) => {
    expect((await app.get(path)).status).toBe(status);
  });

  it.each([['PUT'], ['DELETE'], ['PATCH'], ['POST']])('a study does not take %s', async (method) => {
    const { status, headers } = await app.get('/studies/1.2', {}, method);
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD']);
  });

  it('case 59: a streamed answer allows only configured origins', async () => {
    const allowed = await app.get(SERIES, { origin: 'http://viewer.example', accept: AS_STORED });
    expect(allowed.headers['access-control-allow-origin']).toBe('http://viewer.example');
    expect(allowed.headers['access-control-expose-headers']).toContain('Content-Range');
    const refused = await app.get(SERIES, { origin: 'null', accept: AS_STORED });
    expect(refused.headers['access-control-allow-origin']).not.toBe('null');
    expect(refused.headers['access-control-allow-credentials']).toBeUndefined();
  });
});
