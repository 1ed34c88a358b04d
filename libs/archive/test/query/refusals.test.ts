import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AttributeQuery } from '@cairn/archive';
import { QueryPlanner } from '@cairn/archive';
import { TestIndex, json, name } from './index-builder.ts';

describe('a query', () => {
  let index: TestIndex;

  beforeAll(async () => {
    index = await TestIndex.open();
    for (let number = 1; number <= 30; number++) {
      await index.add({ '0020000D': json('UI', `1.2.${number}`), '00080020': json('DA', '20240101'), '00100010': name(`Doe^${number}`) });
    }
  });

  afterAll(() => index.close());

  it.each<[string, string, string]>([
    ['a date that is none', '00080020', '2024'],
    ['a day that does not exist', '00080020', '20240230'],
    ['a range of garbage', '00080020', '20240101-x'],
    ['a range that runs backwards', '00080020', '20240201-20240101'],
    ['three ends', '00080020', '20240101-20240102-20240103'],
    ['a lone hyphen', '00080020', '-'],
    ['a wildcard in a date', '00080020', '2024*'],
    ['an hour that does not exist', '00080030', '25'],
    ['a date-time that is none', '0008002A', '20241399'],
    ['an offset that is none', '0008002A', '20240101101500+9900'],
    ['a UID with letters', '0020000D', '1.2.abc'],
    ['a UID with a wildcard', '0020000D', '1.2.*'],
    ['a list of no UIDs', '0020000D', '\\,'],
    ['a word as a number', '00200011', 'one'],
    ['a hexadecimal number', '00200011', '0x10'],
    ['a value for a sequence', '00081032', 'x'],
  ])('is refused for %s, naming the attribute and not the value', async (_, tag, value) => {
    const refusal = index.query('study', { [tag]: value });
    await expect(refusal).rejects.toMatchObject({ code: 'query.invalid-value', details: { attribute: tag } });
    await expect(refusal).rejects.not.toThrow(value);
  });

  it.each<[string, string, string]>([
    ['a tag of no dictionary', '00080007', 'x'],
    ['a path through what is no sequence', '00100010.00100020', 'x'],
    ['pixel data', '7FE00010', 'x'],
    ['what the archive adds on the way out', '00081190', 'http'],
    ['a count of the patient', '00201200', '1'],
  ])('is refused for %s: a dropped filter would show other patients', async (_, path, value) => {
    await expect(index.query('study', { [path]: value })).rejects.toMatchObject({ code: 'query.unknown-attribute' });
  });

  it.each<[string, Partial<AttributeQuery>]>([
    ['limit 0', { limit: 0 }],
    ['a negative limit', { limit: -1 }],
    ['a fractional limit', { limit: 1.5 }],
    ['a limit that is no number', { limit: Number.NaN }],
    ['a negative offset', { offset: -1 }],
    ['a cursor and an offset', { after: 'x', offset: 1 }],
    ['a cursor that is none', { after: 'x' }],
  ])('is refused for %s (case 53)', async (_, options) => {
    await expect(index.query('study', {}, options)).rejects.toMatchObject({ code: 'query.invalid-paging' });
  });

  it('without a selective key is bounded by the limit, whatever was asked for (cases 18, 54)', async () => {
    const planner = new QueryPlanner(index.store, { maxLimit: 10 });
    const query: AttributeQuery = { level: 'study', keys: [], include: [], fuzzy: false, combineDateTime: true, limit: 1e12, offset: 0 };
    const { answers, more } = await planner.query(index.scope, query);
    expect([answers.length, more]).toEqual([10, true]);
    const wild = await planner.query(index.scope, {
      ...query,
      keys: [
        { path: ['00100010'], value: '*?*' },
        { path: ['00100020'], value: '**' },
      ],
    });
    expect([wild.answers.length, wild.more]).toEqual([10, true]);
  });

  it('at an offset past the end gives nothing, at once', async () => {
    expect(await index.query('study', {}, { offset: 1e12 })).toEqual({ answers: [], more: false });
  });

  it('goes on after the last answer, by cursor and by offset, through all matches once', async () => {
    const seen: string[] = [];
    for (let after: string | undefined, more = true; more;) {
      const page = await index.query('study', { '00100010': 'doe*' }, { limit: 7, ...(after !== undefined && { after }) });
      seen.push(...page.answers.map(({ studyInstanceUid }) => studyInstanceUid!));
      after = page.answers.at(-1)?.cursor;
      more = page.more;
    }
    expect(new Set(seen).size).toBe(30);
    expect(seen).toHaveLength(30);
    const paged = await Promise.all([0, 10, 20].map((offset) => index.query('study', { '00100010': 'doe*' }, { limit: 10, offset })));
    expect(paged.flatMap(({ answers }) => answers.map(({ studyInstanceUid }) => studyInstanceUid))).toEqual(seen);
  });

  it.each(['(a+)+$', '.*', '$where', '[$ne]', '%', "' OR 1=1 --", '"*', '^', '=', `${'*a'.repeat(20_000)}`, '?'.repeat(65_000)])(
    'takes a hostile value for what it is (case 19): %.20s',
    async (value) => {
      for (const tag of ['00100010', '00100020', '00081030', '00080050', '00080090', '00080061']) {
        const { answers } = await index.query('study', { [tag]: value });
        expect(answers).toEqual([]);
      }
    },
  );

  it('takes lists of any length', async () => {
    const uids = Array.from({ length: 9000 }, (_, index) => `1.2.${index + 5}`).join('\\');
    const keys = {
      '0020000D': uids,
      '0020000E': uids.replaceAll(/(\d)(\\|$)/g, '$1.1$2'),
      '00080061': Array.from({ length: 3000 }, (_, index) => `M${index}`).join(',') + ',CT',
    };
    expect(await index.found('study', keys)).toHaveLength(26);
    expect(await index.found('instance', { '00080018': uids, '00100020': uids })).toEqual([]);
    const literals = { '00100010': '*abc'.repeat(16_000), '00081030': `*${'abc?'.repeat(16_000)}` };
    expect(await index.found('study', literals)).toEqual([]);
    const names = Array.from({ length: 99 }, (_, index) => `doe^${index}*`);
    expect(await index.found('study', { '00100010': names.join('\\') })).toHaveLength(30);
    await expect(index.query('study', { '00100010': [...names, 'a', 'b'].join('\\') })).rejects.toMatchObject({
      code: 'query.invalid-value',
    });
  });

  it('matches empty values only where that was asked for', async () => {
    await index.add({ '0020000D': json('UI', '1.3.1'), '00100020': json('LO', 'P1') });
    expect(await index.found('study', { '0020000D': '1.3.1,1.2.1', '00100020': '""' }, { emptyValueMatching: true })).toEqual(['1']);
    expect(await index.found('study', { '0020000D': '1.3.1,1.2.1', '00100020': '""' })).toEqual([]);
  });

  it('finds fuzzily by words that begin parts of the name, in any order, wildcards beside', async () => {
    await index.add({ '0020000D': json('UI', '1.4.77'), '00100010': name('Miller^John Peter') });
    const fuzzy = (value: string) => index.found('study', { '00100010': value }, { fuzzy: true });
    for (const value of ['jo mil', 'MILLER, J', 'pet', '*iller*', '*jo mil*', 'Miller^John']) expect(await fuzzy(value)).toEqual(['77']);
    for (const value of ['ohn', 'jo doe', 'iller']) expect(await fuzzy(value)).toEqual([]);
  });

  it('of a lower level takes keys of the higher ones (relational)', async () => {
    expect(await index.found('series', { '00100010': 'doe^7' })).toEqual(['1']);
    expect(await index.found('instance', { '00100010': 'doe^7', '00080060': 'CT' })).toEqual(['7']);
    expect(await index.found('instance', { '00100010': 'doe^7', '00080060': 'MR' })).toEqual([]);
  });

  it('ends with the reason of its signal', async () => {
    const signal = AbortSignal.abort(new Error('cancelled'));
    const query: AttributeQuery = { level: 'study', keys: [], include: [], fuzzy: false, combineDateTime: true, limit: 1, offset: 0 };
    await expect(index.planner.query(index.scope, query, signal)).rejects.toThrow('cancelled');
  });
});
