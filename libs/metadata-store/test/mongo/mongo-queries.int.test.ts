import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { systemScope } from '@cairn/core';
import type { InstanceReceipt, MetadataStore, QueryClause, QueryLevel, QueryRow } from '@cairn/metadata-store';
import { aReceipt, json } from '@cairn/metadata-store/contract';
import { SqliteMetadataStore } from '@cairn/metadata-store/sqlite';
import { makeTempDir } from '@cairn/testing';
import { RECEIPTS } from '../disagreement.ts';
import { dropDatabase, mongoServer, newDatabase, openStore } from './mongo-server.ts';

jest.setTimeout(60_000);
const server = await mongoServer();
const scope = systemScope('default');
const LEVELS: readonly QueryLevel[] = ['patient', 'study', 'series', 'instance'];
const NAMES = ['Doe^Jane', 'Müller^Jörg^^^', 'Doerr^Anna', 'Yamada^Tarou=山田^太郎=やまだ^たろう', 'O^Brien', 'van der Berg^X'];

const name = (pattern: string, fuzzy = false): QueryClause => ({ kind: 'personName', path: ['00100010'], patterns: [pattern], fuzzy });
const equals = (tag: string, ...values: string[]): QueryClause => ({ kind: 'equals', path: [tag], vr: 'LO', values, folded: true });
const wildcard = (tag: string, ...patterns: string[]): QueryClause => ({ kind: 'wildcard', path: [tag], vr: 'LO', patterns, folded: true });
const dates = (from?: number, to?: number): QueryClause => ({
  kind: 'range',
  path: ['00080020'],
  vr: 'DA',
  ...(from !== undefined && { from }),
  ...(to !== undefined && { to }),
});

/** Filters that each source, and each combination of sources, answers. */
const FILTERS: readonly (readonly QueryClause[])[] = [
  [],
  ...[
    'doe*',
    '*DOE*',
    '*oe*',
    'do*',
    '*^j*',
    '*山*',
    '*山田*',
    '山田^太郎',
    '*=山田*',
    '*berg*x*',
    '?oe^jane',
    'mül*',
    '*',
    'Doe^Jane',
  ].map((text) => [name(text)]),
  [name('jane doe', true)],
  [name('ja do', true)],
  [name('*doe*'), name('*jane*')],
  [{ kind: 'personName', path: ['00100010'], patterns: ['*doe*', 'yam*', 'x'], fuzzy: false }],
  [{ kind: 'personName', path: ['00100010'], patterns: ['*doe*', 'yamada*'], fuzzy: false }],
  [equals('00100020', 'P3')],
  [equals('00100020', 'p3', 'P4', 'none')],
  [wildcard('00100020', '*3*')],
  [equals('00080050', 'ACC2', 'acc7')],
  [wildcard('00080050', 'ACC*'), dates(20230101)],
  [dates(20230101, 20230105)],
  [dates(undefined, 20230103)],
  [dates(20230104), name('*doe*')],
  [
    {
      kind: 'dateTimeRange',
      datePath: ['00080020'],
      timePath: ['00080030'],
      from: { date: 20230102, time: 120_000 },
      to: { date: 20230104, time: 110_000 },
    },
  ],
  [equals('00080061', 'PT')],
  [equals('00080061', 'PT', 'SR')],
  [equals('00080060', 'CT')],
  [equals('0020000D', '1.7', '1.8', '1.2.1')],
  [equals('0020000E', '1.7.1', '1.2.1.2')],
  [equals('00080018', '9.1', '1.7.1.7')],
  [equals('0020000E', '1.2.1.2'), equals('00080018', '9.1')],
  [equals('0020000E', '1.2.1.1'), equals('00080018', '9.3')],
  [equals('0020000D', '1.7'), dates(20230101, 20230102)],
  [equals('00080016', '1.2.840.10008.5.1.4.1.1.128')],
  [wildcard('00081030', '*study 1*')],
  [wildcard('0008103E', '*late*')],
  [wildcard('00189999', '*x*')],
  [{ kind: 'number', path: ['00201208'], values: [1, 3] }],
  [{ kind: 'number', path: ['00200013'], values: [7] }],
  [{ kind: 'empty', path: ['00080020'] }],
  [{ kind: 'empty', path: ['00189999'] }],
];

if (server === undefined) describe('MongoMetadataStore', () => it.skip('needs a server of the MongoDB protocol', () => undefined));
else {
  describe('queries on MongoDB', () => {
    const database = newDatabase();
    let mongo: MetadataStore;
    let sqlite: MetadataStore;
    let removeFolder: () => Promise<void>;

    beforeAll(async () => {
      const folder = await makeTempDir();
      removeFolder = () => folder.remove();
      mongo = await openStore(server, database);
      sqlite = await SqliteMetadataStore.open({ file: `${folder.path}/index.db` });
      for (const store of [mongo, sqlite]) await store.recordReceipts(scope, [...RECEIPTS, ...someReceipts()]);
    });

    afterAll(async () => {
      await Promise.all([mongo.close(), sqlite.close()]);
      await removeFolder();
      await dropDatabase(server, database);
      await server.stop();
    });

    it.each(FILTERS.map((clauses) => [JSON.stringify(clauses), clauses] as const))('find what SQLite finds: %s', async (_, clauses) => {
      for (const level of LEVELS) {
        const plan = { level, clauses, limit: 500, offset: 0, withHeader: true, withPatient: true };
        const [ours, theirs] = [await mongo.query(scope, plan), await sqlite.query(scope, plan)];
        expect(withoutCursors(ours.rows)).toEqual(withoutCursors(theirs.rows));
        const paged = await mongo.query(scope, { ...plan, offset: 1, limit: 2 });
        expect(paged.rows).toEqual(ours.rows.slice(1, 3));
        expect(paged.more).toBe(ours.rows.length > 3);
        const after = ours.rows[1]?.cursor;
        if (after !== undefined) expect((await mongo.query(scope, { ...plan, after })).rows).toEqual(ours.rows.slice(2));
      }
    });
  });
}

/** Cursors are an adapter's own. */
function withoutCursors(rows: readonly QueryRow[]): readonly unknown[] {
  return rows.map(({ cursor: _cursor, ...row }) => row);
}

function someReceipts(): readonly InstanceReceipt[] {
  return Array.from({ length: 30 }, (_, index) => {
    const number = index + 100;
    const attributes = {
      '00100010': json('PN', named(NAMES[index % NAMES.length]!)),
      '00100020': json('LO', `P${index % 11}`),
      '00080050': json('SH', `Acc${index}`),
      '00080020': index % 7 === 0 ? undefined : json('DA', `2023010${index % 7}`),
      '00080030': json('TM', `${10 + (index % 9)}0000`),
      '00080060': json('CS', index % 4 === 0 ? 'MR' : 'CT'),
      '00081030': json('LO', `Study ${index}`),
      '0008103E': index % 5 === 0 ? json('LO', 'late phase') : undefined,
      '00189999': index % 3 === 0 ? json('LO', 'xyz') : undefined,
    };
    return aReceipt(number, { study: `1.${index}`, sop: `1.${index}.1.${index}`, attributes });
  });
}

function named(text: string) {
  const [Alphabetic = '', Ideographic, Phonetic] = text.split('=');
  return { Alphabetic, ...(Ideographic !== undefined && { Ideographic }), ...(Phonetic !== undefined && { Phonetic }) };
}
