import { deepEqual, equal, partialDeepStrictEqual, rejects } from 'node:assert/strict';
import type { DicomJson, Scope } from '@cairn/core';
import { aReceipt, json } from './contract-receipts.ts';
import type { MetadataStore } from './metadata-store.ts';
import type { QueryClause, QueryLevel, QueryPlan, QueryRow } from './query.ts';

/** One case of the contract about queries, on a store without documents of the scope. */
export interface QueryCase {
  name: string;
  run: (store: MetadataStore, scope: Scope) => Promise<void>;
}

const LEVELS: readonly QueryLevel[] = ['patient', 'study', 'series', 'instance'];
const ALL: QueryPlan = { level: 'study', clauses: [], limit: 100, offset: 0, withHeader: false, withPatient: false };

const ORDER: readonly QueryCase[] = [
  {
    name: 'gives nothing of an empty index',
    run: async (store, scope) => {
      for (const level of LEVELS) deepEqual(await store.query(scope, { ...ALL, level }), { rows: [], more: false });
    },
  },
  {
    name: 'gives studies from new to old, undated ones last',
    run: async (store, scope) => {
      const dates = ['20240101', undefined, '20250607', '18991231', 'garbage', '20250606'];
      await store.recordReceipts(
        scope,
        dates.map((date, index) => dated(index + 1, date)),
      );
      const studies = (await store.query(scope, ALL)).rows.map(uidOf);
      deepEqual(studies.slice(0, 4), ['1.3', '1.6', '1.1', '1.4']);
      deepEqual(new Set(studies.slice(4)), new Set(['1.2', '1.5']));
    },
  },
  {
    name: 'gives documents of the level and of those above, and the header where it is asked for',
    run: async (store, scope) => {
      await store.recordReceipts(scope, [aReceipt(1)]);
      const [row] = (await store.query(scope, { ...ALL, level: 'instance', withHeader: true, withPatient: true })).rows;
      partialDeepStrictEqual(row, {
        patient: { patientKey: '|P1' },
        study: { studyInstanceUid: '1.2.1' },
        series: { seriesInstanceUid: '1.2.1.1' },
        instance: { sopInstanceUid: '1.2.1.1.1', instanceNumber: 1 },
        attributes: { '00200013': json('IS', 1) },
      });
      deepEqual(row?.header, JSON.parse(aReceipt(1).header));
      const [study] = (await store.query(scope, ALL)).rows;
      deepEqual(new Set(Object.keys(study!)), new Set(['cursor', 'study']));
      const [patient] = (await store.query(scope, { ...ALL, level: 'patient' })).rows;
      deepEqual(new Set(Object.keys(patient!)), new Set(['cursor', 'patient']));
    },
  },
];

const PAGING: readonly QueryCase[] = [
  ...LEVELS.map((level) => ({
    name: `pages by cursor and by offset in one order at ${level} level`,
    run: async (store: MetadataStore, scope: Scope): Promise<void> => {
      await store.recordReceipts(scope, someStudies());
      const whole = (await store.query(scope, { ...ALL, level, limit: 1000 })).rows.map(uidOf);
      equal(new Set(whole).size, whole.length);
      deepEqual((await allPages(store, scope, { ...ALL, level, limit: 3 })).map(uidOf), whole);
      for (const offset of [0, 1, 7, whole.length - 1]) {
        const { rows, more } = await store.query(scope, { ...ALL, level, limit: 2, offset });
        deepEqual(rows.map(uidOf), whole.slice(offset, offset + 2));
        equal(more, offset + 2 < whole.length);
      }
      for (const offset of [whole.length, 1e12]) deepEqual(await store.query(scope, { ...ALL, level, offset }), { rows: [], more: false });
    },
  })),
  {
    name: 'neither repeats nor misses a row while instances arrive between pages (case 53)',
    run: async (store, scope) => {
      await store.recordReceipts(scope, someStudies());
      const before = (await store.query(scope, { ...ALL, limit: 1000 })).rows.map(uidOf);
      const seen = await allPages(store, scope, { ...ALL, limit: 2 }, async (page) => {
        const dates = [`2023${String((page % 12) + 1).padStart(2, '0')}05`, '20300101', '19500101'];
        const arriving = dates.slice(0, page < 20 ? 3 : 0).map((date, index) => dated(1000 + page * 10 + index, date));
        await store.recordReceipts(scope, arriving);
      });
      const uids = seen.map(uidOf);
      equal(new Set(uids).size, uids.length);
      deepEqual(
        uids.filter((uid) => before.includes(uid)),
        before,
      );
    },
  },
  {
    name: 'keeps going where a filter lets little through',
    run: async (store, scope) => {
      await store.recordReceipts(scope, someStudies());
      const rows = await allPages(store, scope, { ...ALL, clauses: [textClause('00081030', '*7')], limit: 1 });
      deepEqual(new Set(rows.map(uidOf)), new Set(['1.17', '1.7']));
      equal(rows.length, 2);
    },
  },
];

const REFUSALS: readonly QueryCase[] = [
  ...['', '!', 'bm9uc2Vuc2U', cursorOf(['x']), cursorOf([1, 2, 3])].map((after) => ({
    name: `refuses the cursor "${after}"`,
    run: async (store: MetadataStore, scope: Scope): Promise<void> => {
      for (const level of LEVELS) await rejects(store.query(scope, { ...ALL, level, after }), { code: 'query.invalid-paging' });
    },
  })),
  {
    name: 'rejects a query with the reason of an aborted signal',
    run: async (store, scope) => {
      await rejects(store.query(scope, ALL, AbortSignal.abort(new Error('gone'))), { message: 'gone' });
    },
  },
  {
    name: 'takes values for what they are (cases 19, 52)',
    run: async (store, scope) => {
      await store.recordReceipts(scope, someStudies());
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
        'ab\u0000cd',
      ];
      const long = ['x'.repeat(65_536), `*${'a*'.repeat(2000)}b`];
      for (const value of [...hostile, ...hostile.map((text) => `*${text}*`), ...long]) {
        for (const clause of [
          nameClause(value),
          textClause('00100020', value),
          textClause('00081030', value),
          textClause('00080060', value),
        ]) {
          for (const level of LEVELS) deepEqual((await store.query(scope, { ...ALL, level, clauses: [clause] })).rows, []);
        }
      }
    },
  },
];

/** Order, paging and errors of queries; which values match is told by the tests of the predicates. */
export const QUERY_CASES: readonly QueryCase[] = [...ORDER, ...PAGING, ...REFUSALS];

async function allPages(
  store: MetadataStore,
  scope: Scope,
  plan: QueryPlan,
  between: (page: number) => Promise<void> = () => Promise.resolve(),
): Promise<QueryRow[]> {
  const rows: QueryRow[] = [];
  for (let page = 0; ; page++) {
    const last = rows.at(-1);
    const { rows: next, more } = await store.query(scope, { ...plan, ...(last && { after: last.cursor }) });
    rows.push(...next);
    if (!more) return rows;
    await between(page);
  }
}

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

function nameClause(pattern: string): QueryClause {
  return { kind: 'personName', path: ['00100010'], patterns: [pattern], fuzzy: false };
}

function textClause(tag: string, pattern: string): QueryClause {
  return { kind: 'wildcard', path: [tag], vr: 'LO', patterns: [pattern], folded: true };
}

function cursorOf(key: unknown): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}
