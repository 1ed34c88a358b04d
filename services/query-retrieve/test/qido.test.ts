import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startApp } from './app.ts';
import type { TestApp } from './app.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());
beforeEach(() => {
  app.queries.asked.length = 0;
  app.queries.answers = [];
});

const study = (number: number) => ({ '0020000D': { vr: 'UI', Value: [`1.2.${number}`] } });
const studies = (count: number) => Array.from({ length: count }, (_, index) => study(index));

describe('QIDO-RS', () => {
  it.each([
    ['/studies', 'study', []],
    ['/series', 'series', []],
    ['/instances', 'instance', []],
    ['/studies/1.2/series', 'series', ['0020000D=1.2']],
    ['/studies/1.2/instances', 'instance', ['0020000D=1.2']],
    ['/studies/1.2/series/1.3/instances', 'instance', ['0020000D=1.2', '0020000E=1.3']],
  ])('searches at %s', async (path, level, keys) => {
    expect((await app.get(path)).status).toBe(200);
    expect(app.queries.asked[0]?.level).toBe(level);
    expect(app.queries.asked[0]?.root).toBe(keys.length === 0);
    expect(app.queries.asked[0]?.keys.map((key) => `${key.path[0]}=${key.value}`)).toEqual(keys);
  });

  it('passes keys on as written', async () => {
    await app.get('/studies?PatientName=*x*&fuzzymatching=true&includefield=00081030%2C00080060&limit=3&offset=2&emptyvaluematching=true');
    expect(app.queries.asked).toEqual([
      {
        level: 'study',
        keys: [{ path: ['00100010'], vr: 'PN', value: '*x*' }],
        include: ['00081030', '00080060'],
        fuzzy: true,
        combineDateTime: true,
        emptyValueMatching: true,
        limit: 3,
        offset: 2,
        root: true,
      },
    ]);
  });

  it('answers exactly application/dicom+json, each result with its RetrieveURL', async () => {
    app.queries.answers = [study(1)];
    const { status, headers, body } = await app.get('/studies', { accept: 'application/dicom+json' });
    expect([status, headers['content-type']]).toEqual([200, 'application/dicom+json']);
    expect(JSON.parse(body.toString())).toEqual([{ ...study(1), '00081190': { vr: 'UR', Value: [`${app.base}/studies/1.2`] } }]);
  });

  it('answers 200 with an empty list when nothing matches, also far behind the end (IDC pages until then)', async () => {
    const { status, body } = await app.get('/studies?offset=1000000');
    expect([status, body.toString()]).toEqual([200, '[]']);
  });

  it('answers in XML', async () => {
    app.queries.answers = studies(2);
    const accept = 'multipart/related; type="application/dicom+xml"';
    const { headers, body } = await app.get('/studies', { accept });
    expect(headers['content-type']).toMatch(/^multipart\/related; type="application\/dicom\+xml"; boundary=/);
    expect(body.toString().match(/Content-Type: application\/dicom\+xml/g)).toHaveLength(2);
    app.queries.answers = [];
    expect((await app.get('/studies', { accept })).status).toBe(204);
  });

  it('is gzip-coded when asked and worth it', async () => {
    app.queries.answers = studies(10);
    const { headers, body } = await app.get('/studies?limit=10', { 'accept-encoding': 'gzip' });
    expect(headers['content-encoding']).toBe('gzip');
    expect(JSON.parse(gunzipSync(body).toString())).toHaveLength(10);
  });

  it('case 54: without a key is bounded, and says so', async () => {
    app.queries.answers = studies(20);
    const { headers, body } = await app.get('/studies');
    expect(JSON.parse(body.toString())).toHaveLength(5);
    expect(headers.warning).toBe('299 cairn "The answer was cut after 5 results; further results can be requested"');
  });

  it('case 53: clamps a limit beyond the maximum', async () => {
    app.queries.answers = studies(20);
    const { headers, body } = await app.get('/studies?limit=1000000000000');
    expect(JSON.parse(body.toString())).toHaveLength(10);
    expect(headers.warning).toContain('cut after 10');
  });

  it('does not warn about the client’s own limit', async () => {
    app.queries.answers = studies(20);
    expect((await app.get('/studies?limit=4')).headers.warning).toBeUndefined();
  });

  it('case 53: leads through all pages by links, each result once', async () => {
    app.queries.answers = studies(23);
    const seen: unknown[] = [];
    let path: string | undefined = '/studies?limit=10&offset=1&PatientName=%3Ca%22*';
    while (path !== undefined) {
      const { headers, body } = await app.get(path);
      seen.push(...(JSON.parse(body.toString()) as Record<string, { Value: string[] }>[]).map((found) => found['0020000D']?.Value[0]));
      const next = /^<([^>]*)>; rel="next"$/.exec(String(headers.link ?? ''))?.[1];
      expect(next === undefined || next.startsWith(`${app.base}/studies?limit=10&PatientName=%3Ca%22*&cursor=`)).toBe(true);
      path = next?.slice(app.base.length);
    }
    expect(seen).toEqual(Array.from({ length: 22 }, (_, index) => `1.2.${index + 1}`));
  });

  it('case 51: a link cannot be broken out of', async () => {
    app.queries.answers = studies(20);
    const { headers } = await app.get(`/studies/1.2/series?limit=2&PatientName=a"b<c>d`);
    expect(headers.link).toMatch(
      /^<http:\/\/127\.0\.0\.1:\d+\/dicom-web\/studies\/1\.2\/series\?limit=2&PatientName=a%22b%3Cc%3Ed&cursor=[\w-]+>; rel="next"$/,
    );
  });

  it('warns about an unknown parameter', async () => {
    expect((await app.get('/studies?_=1')).headers.warning).toBe('299 cairn "The parameter _ is not known and was ignored"');
  });

  it.each([
    ['?limit=0', 'query.invalid-paging'],
    ['?limit=-1', 'query.invalid-paging'],
    ['?offset=x', 'query.invalid-paging'],
    ['?cursor=x&offset=1', 'query.invalid-paging'],
    ['?cursor=x', 'query.invalid-paging'],
    ['?PatientName[$ne]=', 'web.bad-request'],
    ['?PatientName%5B%24regex%5D=.*', 'web.bad-request'],
    ['?$nor=x', 'web.bad-request'],
    ['?PatientNam=x', 'query.unknown-attribute'],
    ['?PatientName=%zz', 'web.bad-request'],
    ['/abc/series', 'web.bad-request'],
  ])('cases 52 and 53: refuses %s with 400', async (rest, code) => {
    const { status, body } = await app.get(`/studies${rest}`);
    expect([status, JSON.parse(body.toString())]).toEqual([400, expect.objectContaining({ code })]);
    expect(app.queries.asked).toEqual([]);
  });

  it('names the parameter with a malformed value as it was written', async () => {
    const { status, body } = await app.get('/studies?studydate=malformed');
    expect([status, JSON.parse(body.toString())]).toEqual([
      400,
      expect.objectContaining({ attribute: '00080020', parameter: 'studydate' }),
    ]);
  });

  it('takes ?accept= over the header', async () => {
    expect((await app.get('/studies?accept=image%2Fjpeg', { accept: '*/*' })).status).toBe(406);
    expect((await app.get('/studies?accept=application/dicom+json', { accept: 'image/jpeg' })).status).toBe(200);
  });

  it('does not take other methods', async () => {
    const { status, headers } = await app.get('/studies', {}, 'DELETE');
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD']);
  });

  it('lets viewers of configured origins read its headers', async () => {
    const { headers } = await app.get('/studies', { origin: 'http://viewer.example' });
    expect(headers['access-control-allow-origin']).toBe('http://viewer.example');
  });
});
