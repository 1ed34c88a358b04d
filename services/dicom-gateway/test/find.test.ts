import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CairnError } from '@cairn/core';
import { encodeDataSet } from '@cairn/dicom';
import { aStudy } from '@cairn/testing';
import { EXPLICIT, FIND, GatewayHarness, PATIENT_ROOT, STUDY_ROOT, all, identifier } from './harness.ts';

let harness = new GatewayHarness();
let port = 0;
beforeEach(async () => {
  harness = new GatewayHarness();
  ({ port } = await harness.start());
});
afterEach(async () => await harness.close());

const small = { rows: 2, columns: 2 };
const studies = [1, 2, 3].map((seed) => aStudy({ seed, series: 2, instances: 2, ...small }));

describe('C-FIND', () => {
  it('answers with the requested attributes, empty where there is no value, and those that every answer has', async () => {
    harness.archive.hold(...studies[0]!.instances);
    const association = await harness.connect(port);
    const question = identifier('STUDY', { '00100020': studies[0]!.patientId, '0020000D': '', '00104000': '', '00081030': '' });
    const [answer, final] = await all(association.find(STUDY_ROOT + FIND, question));
    expect(Object.keys(answer!.json!)).toEqual(
      ['00080005', '00080052', '00080054', '00080056', '00081030', '00100020', '00104000', '0020000D'].sort(),
    );
    expect(answer).toMatchObject({
      status: 0xff00,
      json: {
        '00080005': { Value: ['ISO_IR 192'] },
        '00080052': { Value: ['STUDY'] },
        '00080054': { Value: ['CAIRN'] },
        '00080056': { Value: ['ONLINE'] },
        '00100020': { Value: [studies[0]!.patientId] },
        '0020000D': { Value: [studies[0]!.studyInstanceUid] },
      },
    });
    expect(answer!.json!['00104000']).toEqual({ vr: 'LO' });
    expect(final).toMatchObject({ status: 0 });
  });

  it('maps keys, levels and options onto the query model', async () => {
    const sopClassUid = PATIENT_ROOT + FIND;
    const association = await harness.connect(port, { extendedNegotiations: [{ sopClassUid, information: Uint8Array.of(1, 1, 1) }] });
    const item = { '00400100': { vr: 'SQ', Value: [{ '00080060': { vr: 'CS', Value: ['MR', 'XA'] } }] } };
    const name = { vr: 'PN', Value: [{ Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }] };
    const question = encodeDataSet({ '00080005': { vr: 'CS', Value: ['ISO_IR 192'] }, '00080020': { vr: 'DA', Value: ['20200101-'] }, '00080052': { vr: 'CS', Value: ['SERIES'] }, '00100010': name, ...item }, EXPLICIT); // prettier-ignore
    await all(association.find(sopClassUid, question));
    expect(harness.archive.queries).toEqual([
      {
        level: 'series',
        keys: [
          { path: ['00080020'], vr: 'DA', value: '20200101-' },
          { path: ['00100010'], vr: 'PN', value: 'Yamada^Tarou=山田^太郎' },
          { path: ['00400100', '00080060'], vr: 'CS', value: 'MR\\XA' },
        ],
        include: ['00080020', '00100010', '00400100'],
        fuzzy: true,
        combineDateTime: true,
        limit: 200,
        offset: 0,
      },
    ]);
  });

  it('case 18: pages through any number of matches, in order, and refuses more than the limit', async () => {
    for (let seed = 10; seed < 460; seed++) harness.archive.hold(...aStudy({ seed, ...small }).instances);
    const association = await harness.connect(port);
    const answers = await all(association.find(STUDY_ROOT + FIND, identifier('STUDY', { '0020000D': '' })));
    expect(answers).toHaveLength(451);
    expect(new Set(answers.map(({ json }) => json?.['0020000D']?.Value?.[0])).size).toBe(451);
    expect(harness.archive.queries.map(({ after }) => after)).toEqual([undefined, '200', '400']);
    const limited = await harness.start({ maxFindAnswers: 300 });
    const short = await all((await harness.connect(limited.port)).find(STUDY_ROOT + FIND, identifier('STUDY', { '0020000D': '' })));
    expect([short.length, short.at(-1)!.status]).toEqual([301, 0xa700]);
  });

  it('case 20: C-CANCEL is answered FE00 at once, however slow the archive is, and the query is told', async () => {
    const association = await harness.connect(port);
    const cancel = new AbortController();
    let told = false;
    harness.archive.onQuery = async (signal) => {
      cancel.abort();
      await new Promise((resolve) => signal!.addEventListener('abort', resolve, { once: true }));
      told = true;
    };
    const answers = await all(association.find(STUDY_ROOT + FIND, identifier('STUDY', { '0020000D': '' }), { signal: cancel.signal }));
    expect(answers.map(({ status }) => status)).toEqual([0xfe00]);
    expect(told).toBe(true);
    harness.archive.onQuery = async () => {};
    expect(await association.echo()).toBe(0);
  });

  it('answers FF01 and matches without the key when the archive cannot match it', async () => {
    harness.archive.hold(...studies[0]!.instances);
    harness.archive.unknown.add('00104000');
    const association = await harness.connect(port);
    const answers = await all(association.find(STUDY_ROOT + FIND, identifier('STUDY', { '0020000D': '', '00104000': 'x' })));
    expect(answers.map(({ status }) => status)).toEqual([0xff01, 0]);
  });

  it.each([
    ['a missing level', STUDY_ROOT, '', {}, 0xa900, '00080052'],
    ['an unknown level', STUDY_ROOT, 'FRAME', {}, 0xa900, '00080052'],
    ['a level that the model lacks', STUDY_ROOT, 'PATIENT', {}, 0xa900, '00080052'],
    ['a series query without its study', STUDY_ROOT, 'SERIES', {}, 0xa900, '0020000D'],
    ['a series query with two studies', STUDY_ROOT, 'SERIES', { '0020000D': '1.2\\1.3' }, 0xa900, '0020000D'],
    ['an image query without its series', STUDY_ROOT, 'IMAGE', { '0020000D': '1.2' }, 0xa900, '0020000E'],
    ['a study query without its patient', PATIENT_ROOT, 'STUDY', {}, 0xa900, '00100020'],
    ['case 19: a value of 70 KB', STUDY_ROOT, 'STUDY', { '0020000D': '1.2\\'.repeat(20_000) }, 0xc00a, '0020000D'],
  ])('refuses %s', async (_what, root, level, keys, status, offending) => {
    const association = await harness.connect(port);
    const question = identifier(level, keys, { '0020000D': 'UI', '00104000': 'UT' });
    const answers = await all(association.find(root + FIND, question));
    expect(answers).toMatchObject([{ status, command: { OffendingElement: [offending] } }]);
    expect(answers[0]!.command.ErrorComment).toMatch(/\w+/);
    expect(harness.archive.queries).toEqual([]);
  });

  it('case 19: passes patterns on as text', async () => {
    const association = await harness.connect(port);
    for (const value of ['(a+)+$', '.*', '$where', '{"$ne":""}']) {
      expect((await all(association.find(STUDY_ROOT + FIND, identifier('STUDY', { '00100010': value })))).at(-1)!.status).toBe(0);
      expect(harness.archive.queries.at(-1)!.keys[0]!.value).toBe(value);
    }
  });

  it('passes the errors of the archive on', async () => {
    harness.archive.onQuery = async () =>
      await Promise.reject(new CairnError('query.invalid-value', 'Not a date.', { details: { attribute: '00080020' } }));
    const association = await harness.connect(port);
    expect(await all(association.find(STUDY_ROOT + FIND, identifier('STUDY', { '00080020': 'x' })))).toMatchObject([
      { status: 0xc00a, command: { ErrorComment: 'Not a date.', OffendingElement: ['00080020'] } },
    ]);
    harness.archive.onQuery = async () => await Promise.reject(new Error('secret text'));
    expect(await all(association.find(STUDY_ROOT + FIND, identifier('STUDY', { '00080020': 'x' })))).toMatchObject([
      { status: 0x0110, command: { ErrorComment: 'Internal error.' } },
    ]);
  });

  it('case 5: an identifier of noise is refused or read, the association lives', async () => {
    const association = await harness.connect(port);
    for (const bytes of [Buffer.from('ffffffffffffffff', 'hex'), Buffer.alloc(1000, 0xa5), Buffer.from('0800520043530a00494d', 'hex')]) {
      const [{ status } = { status: 0 }] = await all(association.find(STUDY_ROOT + FIND, bytes));
      expect(status).toBeGreaterThanOrEqual(0xa900);
    }
    expect(await association.echo()).toBe(0);
  });
});
