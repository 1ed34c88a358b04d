import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TINY, aStudy } from '@cairn/testing';
import { startArchive } from '../harness/archive.ts';
import type { Archive } from '../harness/archive.ts';
import { eventually, get, qido, stow } from '../harness/web.ts';

const STUDY = aStudy({ ...TINY, seed: 901, series: 1, instances: 2 });
const INSTANCE = STUDY.instances[0]!;
const INSTANCE_PATH = `/studies/${INSTANCE.studyInstanceUid}/series/${INSTANCE.seriesInstanceUid}/instances/${INSTANCE.sopInstanceUid}`;

describe('errors over HTTP', () => {
  let archive: Archive;

  beforeAll(async () => {
    archive = await startArchive();
    await stow(
      archive,
      STUDY.instances.map((instance) => instance.bytes()),
    );
    await eventually(
      () => qido(archive, '/instances'),
      (found) => found.length === 2,
    );
  }, 60_000);

  afterAll(() => archive?.dispose());

  it.each([
    ['limit=0', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=ten', 'limit'],
    ['limit=1e12', 'limit'],
    ['limit=', 'limit'],
    ['offset=-1', 'offset'],
    ['offset=x', 'offset'],
    ['offset=1.5', 'offset'],
    ['StudyDate=2024', 'StudyDate'],
    ['StudyDate=20241399', 'StudyDate'],
    ['StudyDate=2024-01-01', 'StudyDate'],
    ['StudyDate=yesterday', 'StudyDate'],
    ['00080020=20240101-20240000', '00080020'],
    ['StudyTime=25', 'StudyTime'],
    ['StudyInstanceUID=1.2.x', 'StudyInstanceUID'],
    [`StudyInstanceUID=${'1'.repeat(65)}`, 'StudyInstanceUID'],
    ['NoSuchKeyword=x', 'NoSuchKeyword'],
    ['99980010=x', '99980010'],
    ['includefield=NoSuchKeyword', 'NoSuchKeyword'],
  ])('case 53: QIDO-RS ?%s is 400 and names it', async (query, named) => {
    const answer = await get(archive, `/studies?${query}`);
    const text = await answer.text();
    expect({ status: answer.status, named: text.includes(named) }).toEqual({ status: 400, named: true });
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  });

  it.each(['PatientName=%zz', 'PatientName=%', 'PatientName=%c3%28', '%ff=1'])('a malformed escape, ?%s, is 400', async (query) => {
    expect((await get(archive, `/studies?${query}`)).status).toBe(400);
  });

  it.each([
    'PatientName[$ne]=',
    'PatientName[$regex]=.*',
    'PatientName[]=a',
    'PatientName[a][b]=c',
    '$nor=[{}]',
    '$where=1',
    'PatientID={"$gt":""}',
    '__proto__=x',
  ])('case 52: ?%s reaches no driver', async (query) => {
    const answer = await get(archive, `/studies?${query}`);
    const body = await answer.text();
    // A name that is no tag and no keyword is either refused or ignored with a warning; a value is only ever compared.
    expect([200, 400]).toContain(answer.status);
    if (answer.status === 200 && !answer.headers.get('warning')?.startsWith('299')) expect(body).toBe('[]');
    expect(body).not.toMatch(/sqlite|mongo|stack|at \w+ \(/i);
  });

  it('an unknown parameter that looks like no attribute is ignored with a warning', async () => {
    const answer = await get(archive, '/studies?_=1700000000');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('warning')).toMatch(/^299 /);
    expect(await answer.json()).toHaveLength(1);
  });

  it.each([
    ['an unknown study', '/studies/2.25.1'],
    ['an unknown study’s metadata', '/studies/2.25.1/metadata'],
    ['an unknown series', `/studies/${STUDY.studyInstanceUid}/series/2.25.1`],
    ['an unknown series’ metadata', `/studies/${STUDY.studyInstanceUid}/series/2.25.1/metadata`],
    ['an unknown instance', `/studies/${STUDY.studyInstanceUid}/series/${INSTANCE.seriesInstanceUid}/instances/2.25.1`],
    ['an instance under another study', INSTANCE_PATH.replace(STUDY.studyInstanceUid, '2.25.1')],
    ['a frame after the last', `${INSTANCE_PATH}/frames/2`],
    ['unknown bulk data', `${INSTANCE_PATH}/bulkdata/00091010`],
    ['an unknown resource', '/nothing'],
    ['an unknown path below the origin', '/../nothing'],
  ])('%s is 404', async (_name, path) => {
    const answer = await get(archive, path, '*/*');
    await answer.body?.cancel();
    expect(answer.status).toBe(404);
  });

  it.each(['0', 'x', '-1', '1,', '1,x', '1.5'])('the frame list %s is a client error', async (list) => {
    const { status } = await get(archive, `${INSTANCE_PATH}/frames/${list}`);
    expect([400, 404]).toContain(status);
  });

  it.each([
    ['a study as text', `/studies/${STUDY.studyInstanceUid}`, 'text/plain'],
    ['an unknown transfer syntax', INSTANCE_PATH, 'application/dicom; transfer-syntax=1.2.3'],
    ['a transfer syntax that needs an encoder', INSTANCE_PATH, 'application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90'],
    ['metadata as an image', `${INSTANCE_PATH}/metadata`, 'image/jpeg'],
    ['a query as an image', '/studies', 'image/jpeg'],
    ['frames as text', `${INSTANCE_PATH}/frames/1`, 'text/html'],
  ])('%s is 406', async (_name, path, accept) => {
    expect((await get(archive, path, accept)).status).toBe(406);
  });

  it.each(['text/plain', 'application/json', 'multipart/form-data; boundary=x', 'multipart/related; type="image/jpeg"; boundary=x'])(
    'a store request of type %s is 415',
    async (type) => {
      const answer = await fetch(`${archive.webUrl}/studies`, { method: 'POST', headers: { 'Content-Type': type }, body: 'x' });
      expect(answer.status).toBe(415);
    },
  );

  it.each([
    ['PUT', '/studies', ['GET', 'POST']],
    ['DELETE', '/studies', ['GET', 'POST']],
    ['POST', '/series', ['GET']],
    ['PUT', INSTANCE_PATH, ['GET']],
    ['POST', `${INSTANCE_PATH}/frames/1`, ['GET']],
    ['DELETE', `${INSTANCE_PATH}/bulkdata/7FE00010`, ['GET']],
    ['PATCH', `/studies/${STUDY.studyInstanceUid}/metadata`, ['GET']],
  ])('%s %s is 405 and says what is allowed', async (method, path, allowed) => {
    const answer = await fetch(archive.webUrl + path, { method });
    expect(answer.status).toBe(405);
    const allow = (answer.headers.get('allow') ?? '').split(/\s*,\s*/);
    expect(allow).toEqual(expect.arrayContaining([...allowed]));
    expect(allow).not.toContain(method);
  });

  it.each(['bytes=99999999-', 'bytes=5-1', 'bytes=-0'])('the range %s of bulk data is 416 or ignored', async (range) => {
    const answer = await get(archive, `${INSTANCE_PATH}/bulkdata/7FE00010`, 'application/octet-stream', { Range: range });
    expect([200, 416]).toContain(answer.status);
    if (range.startsWith('bytes=9')) expect(answer.status).toBe(416);
  });

  it.each([
    '/studies/%2e%2e/%2e%2e/etc/passwd',
    '/studies/..%2f..%2fetc',
    '/studies/1.2%00',
    '/studies/1.2%2500',
    '/studies/1.2./metadata',
    String.raw`/studies/1.2\..\x`,
    '/studies/%252e%252e',
  ])('case 62: %s finds nothing', async (path) => {
    const answer = await get(archive, path);
    expect([400, 404]).toContain(answer.status);
  });

  it.each([
    ['CR and LF', '%0d%0aX-Evil:%201'],
    ['quotes', '%22%3b'],
  ])('case 51: %s in a path or query come back in no header', async (_name, text) => {
    for (const path of [`/studies/${text}`, `/studies?PatientID=${text}`, `/studies?includefield=${text}`, `/studies?NoSuch${text}=1`]) {
      const answer = await get(archive, path);
      expect(answer.status).toBeLessThan(500);
      expect(answer.headers.get('x-evil')).toBeNull();
    }
  });

  it('an error tells neither values nor a stack', async () => {
    const text = await (await get(archive, '/studies?StudyDate=Secret^Name')).text();
    expect(text).not.toMatch(/Secret\^Name|\bat \/|\.ts:|\.js:/);
  });

  it.each(['rendered?viewport=1e9,1e9', 'rendered?quality=1e9', 'thumbnail?viewport=-1', 'frames/1/rendered?window=x'])(
    'case 56: %s is a client error',
    async (path) => {
      const { status } = await get(archive, `${INSTANCE_PATH}/${path}`, 'image/jpeg');
      expect([400, 404, 406]).toContain(status);
    },
  );

  it('HEAD and OPTIONS are answered', async () => {
    expect((await fetch(`${archive.webUrl}/studies`, { method: 'HEAD' })).status).toBeLessThan(406);
    expect((await fetch(`${archive.webUrl}/studies`, { method: 'OPTIONS' })).status).toBeLessThan(500);
  });
});
