import { describe, expect, it } from '@jest/globals';
import type { DicomJson, Scope } from '@cairn/core';
import { aReceipt, json } from './contract-receipts.ts';
import type { MetadataStore } from './metadata-store.ts';
import type { QueryLevel, QueryPage, QueryPlan, QueryRow } from './query.ts';

/** Order, paging and errors of queries; which values match is told by the tests of the predicates. */
export function describeQueries(store: () => MetadataStore, scope: Scope): void {
  describe('query', () => {
    describeOrder(store, scope);
    describePaging(store, scope);
    describeRefusals(store, scope);
  });
}

function describeOrder(store: () => MetadataStore, scope: Scope): void {
  const query = (plan: Partial<QueryPlan>): Promise<QueryPage> => store().query(scope, { ...ALL, ...plan });

  it('gives nothing of an empty index', async () => {
    for (const level of LEVELS) expect(await query({ level })).toEqual({ rows: [], more: false });
  });

  it('gives studies from new to old, undated ones last', async () => {
    await store().recordReceipts(scope, [
      dated(1, '20240101'),
      dated(2, undefined),
      dated(3, '20250607'),
      dated(4, '18991231'),
      dated(5, 'garbage'),
      dated(6, '20250606'),
    ]);
    const studies = (await query({})).rows.map(uidOf);
    expect(studies.slice(0, 4)).toEqual(['1.3', '1.6', '1.1', '1.4']);
    expect(studies.slice(4).toSorted()).toEqual(['1.2', '1.5']);
  });

  it('gives documents of the level and of those above, and the header where it is asked for', async () => {
    await store().recordReceipts(scope, [aReceipt(1)]);
    const [row] = (await query({ level: 'instance', withHeader: true, withPatient: true })).rows;
    expect(row).toMatchObject({
      patient: { patientKey: '|P1' },
      study: { studyInstanceUid: '1.2.1' },
      series: { seriesInstanceUid: '1.2.1.1' },
      instance: { sopInstanceUid: '1.2.1.1.1', instanceNumber: 1 },
    });
    expect(row?.header).toEqual(JSON.parse(aReceipt(1).header) as DicomJson);
    expect(row?.attributes?.['00200013']).toEqual(json('IS', 1));
    const [study] = (await query({ level: 'study' })).rows;
    expect(Object.keys(study!).toSorted()).toEqual(['cursor', 'study']);
    const [patient] = (await query({ level: 'patient' })).rows;
    expect(Object.keys(patient!).toSorted()).toEqual(['cursor', 'patient']);
  });
}

function describePaging(store: () => MetadataStore, scope: Scope): void {
  const query = (plan: Partial<QueryPlan>): Promise<QueryPage> => store().query(scope, { ...ALL, ...plan });
  const pagesOf = async (
    plan: Partial<QueryPlan>,
    between: (page: number) => Promise<void> = () => Promise.resolve(),
  ): Promise<QueryRow[]> => {
    const rows: QueryRow[] = [];
    for (let page = 0; ; page++) {
      const last = rows.at(-1);
      const { rows: next, more } = await query({ ...plan, ...(last && { after: last.cursor }) });
      rows.push(...next);
      if (!more) return rows;
      await between(page);
    }
  };

  it.each(LEVELS)('pages by cursor and by offset in one order at %s level', async (level) => {
    await store().recordReceipts(scope, someStudies());
    const whole = (await query({ level, limit: 1000 })).rows.map(uidOf);
    expect(new Set(whole).size).toBe(whole.length);
    expect((await pagesOf({ level, limit: 3 })).map(uidOf)).toEqual(whole);
    for (const offset of [0, 1, 7, whole.length - 1]) {
      const { rows, more } = await query({ level, limit: 2, offset });
      expect(rows.map(uidOf)).toEqual(whole.slice(offset, offset + 2));
      expect(more).toBe(offset + 2 < whole.length);
    }
    for (const offset of [whole.length, 10_000]) expect(await query({ level, offset })).toEqual({ rows: [], more: false });
  });

  it('neither repeats nor misses a row while instances arrive between pages (case 53)', async () => {
    await store().recordReceipts(scope, someStudies());
    const before = (await query({ limit: 1000 })).rows.map(uidOf);
    const seen = await pagesOf({ limit: 2 }, async (page) => {
      const dates = [`2023${String((page % 12) + 1).padStart(2, '0')}05`, '20300101', '19500101'];
      await store().recordReceipts(
        scope,
        dates.map((date, index) => dated(1000 + page * 10 + index, date)),
      );
    });
    const uids = seen.map(uidOf);
    expect(new Set(uids).size).toBe(uids.length);
    expect(uids.filter((uid) => before.includes(uid))).toEqual(before);
  });

  it('keeps going where a filter lets little through', async () => {
    await store().recordReceipts(scope, someStudies());
    const clauses: QueryPlan['clauses'] = [{ kind: 'wildcard', path: ['00081030'], vr: 'LO', patterns: ['*7'], folded: true }];
    expect((await pagesOf({ clauses, limit: 1 })).map(uidOf).toSorted()).toEqual(['1.17', '1.7']);
  });
}

function describeRefusals(store: () => MetadataStore, scope: Scope): void {
  const query = (plan: Partial<QueryPlan>): Promise<QueryPage> => store().query(scope, { ...ALL, ...plan });

  it.each(['', '!', 'bm9uc2Vuc2U', Buffer.from('["x"]').toString('base64url'), Buffer.from('[1,2,3]').toString('base64url')])(
    'refuses the cursor "%s"',
    async (after) => {
      for (const level of LEVELS) await expect(query({ level, after })).rejects.toMatchObject({ code: 'query.invalid-paging' });
    },
  );

  it('rejects with the reason of an aborted signal', async () => {
    await expect(store().query(scope, ALL, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  });

  it('takes values for what they are (cases 19, 52)', async () => {
    await store().recordReceipts(scope, someStudies());
    const hostile = [
      "'; DROP TABLE studies; --",
      '"',
      '" OR "a',
      'a" NEAR "b',
      '[$ne]',
      '$where',
      '.*',
      '(a+)+$',
      '%',
      '_',
      '\u0000',
      'x'.repeat(65_536),
    ];
    for (const value of [...hostile, `*${'a*'.repeat(2000)}b`, ...hostile.map((text) => `*${text}*`)]) {
      for (const tag of ['00100010', '00100020', '00081030', '00080060']) {
        const name = tag === '00100010' ? ({ kind: 'personName', path: [tag], patterns: [value], fuzzy: false } as const) : undefined;
        const text = { kind: 'wildcard', path: [tag], vr: 'LO', patterns: [value], folded: true } as const;
        for (const level of LEVELS) expect((await query({ level, clauses: [name ?? text] })).rows).toEqual([]);
      }
    }
  });
}

const LEVELS: readonly QueryLevel[] = ['patient', 'study', 'series', 'instance'];
const ALL: QueryPlan = { level: 'study', clauses: [], limit: 100, offset: 0, withHeader: false, withPatient: false };

/** An instance of a study of its own. */
function dated(number: number, date: string | undefined) {
  const attributes = { '00080020': date === undefined ? undefined : json('DA', date), '00100020': json('LO', `P${number}`) };
  return aReceipt(number, { study: `1.${number}`, attributes: { ...attributes, '00081030': json('LO', `study ${number}`) } });
}

/** Twenty studies on five days and without a date, one or two series and instances each. */
function someStudies() {
  return Array.from({ length: 20 }, (_, index) => index + 1).flatMap((number) => {
    const first = dated(number, number % 6 === 0 ? undefined : `2023010${number % 6}`);
    const study = first.studyInstanceUid;
    const attributes = JSON.parse(first.header) as DicomJson;
    const more = [aReceipt(number + 100, { study, attributes }), aReceipt(number + 200, { study, series: `${study}.0`, attributes })];
    return [first, ...more.slice(0, number % 3)];
  });
}

function uidOf({ patient, study, series, instance }: QueryRow): string {
  if (instance !== undefined) return `${instance.studyInstanceUid} ${instance.seriesInstanceUid} ${instance.sopInstanceUid}`;
  if (series !== undefined) return `${series.studyInstanceUid} ${series.seriesInstanceUid}`;
  return study?.studyInstanceUid ?? patient!.patientKey;
}
