import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aReceipt, json } from '@cairn/metadata-store/contract';
import type { QueryClause, QueryPlan } from '@cairn/metadata-store';
import { makeTempDir } from '@cairn/testing';
import type { TempDir } from '@cairn/testing';
import { Database } from '../src/sqlite/database.ts';
import { recordReceipts } from '../src/sqlite/index-writer.ts';
import { narrow } from '../src/sqlite/query/narrowing.ts';
import { patientsStatement } from '../src/sqlite/query/patient-query.ts';
import { skippingStatement, studiesStatement } from '../src/sqlite/query/study-candidates.ts';
import { createSchema, createTextTable } from '../src/sqlite/schema.ts';

const TENANT = 1;
const equals = (tag: string, ...values: string[]): QueryClause => ({ kind: 'equals', path: [tag], vr: 'LO', values, folded: true });
const name = (...patterns: string[]): QueryClause => ({ kind: 'personName', path: ['00100010'], patterns, fuzzy: false });
const plan = (clauses: readonly QueryClause[], level: QueryPlan['level'] = 'study'): QueryPlan => ({
  level,
  clauses,
  limit: 25,
  offset: 0,
  withHeader: false,
  withPatient: false,
});

describe('the plan that SQLite makes', () => {
  let folder: TempDir;
  let db: Database;

  beforeAll(async () => {
    folder = await makeTempDir();
    db = new Database(`${folder.path}/index.db`, false);
    createSchema(db.connection);
    db.run(`INSERT INTO tenants (id, name) VALUES (${TENANT}, 'default')`);
    createTextTable(db.connection, TENANT);
    const receipts = Array.from({ length: 200 }, (_, index) =>
      aReceipt(index, { study: `1.${index}`, attributes: { '00100020': json('LO', `P${index}`) } }),
    );
    recordReceipts(db, TENANT, receipts);
    db.connection.exec('ANALYZE');
  });

  afterAll(async () => {
    db.close();
    await folder.remove();
  });

  const explain = ({ sql, values }: ReturnType<typeof studiesStatement>): string[] =>
    db.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values).map(({ detail }) => detail);

  it.each<[string, readonly QueryClause[], string]>([
    ['no key', [], 'SEARCH studies USING INDEX studies_place (tenant_id=? AND place>? AND place<?)'],
    [
      'Patient ID',
      [equals('00100020', 'P1')],
      'SEARCH studies USING INDEX studies_patient_id (tenant_id=? AND patient_id=? AND place>? AND place<?)',
    ],
    ['an accession number', [equals('00080050', 'A1'), name('doe*')], 'SEARCH studies USING INDEX studies_accession_number'],
    ['a range of dates', [{ kind: 'range', path: ['00080020'], vr: 'DA', from: 20240101 }], 'SEARCH studies USING INDEX studies_place'],
    ['StudyInstanceUIDs', [equals('0020000D', '1.1', '1.2')], 'SEARCH studies USING INDEX studies_uid (study_uid=? AND tenant_id=?)'],
    ['a SeriesInstanceUID', [equals('0020000E', '1.1.1')], 'SEARCH studies USING INTEGER PRIMARY KEY (rowid=?)'],
    ['a SOPInstanceUID', [equals('00080018', '1.1.1.1')], 'SEARCH studies USING INTEGER PRIMARY KEY (rowid=?)'],
    ['part of a name', [name('*doe*')], 'SCAN found VIRTUAL TABLE INDEX'],
    [
      'part of a name, and a modality',
      [name('*doe*'), equals('00080061', 'CT')],
      'SEARCH tokens EXISTS USING PRIMARY KEY (tenant_id=? AND token=? AND place=?)',
    ],
    ['two letters at the start of a name', [name('do*')], 'SCAN found VIRTUAL TABLE INDEX'],
    [
      'two ideographic characters',
      [name('*山田*')],
      'SEARCH study_tokens USING PRIMARY KEY (tenant_id=? AND token=? AND place>? AND place<?)',
    ],
    [
      'modalities',
      [equals('00080061', 'CT', 'MR')],
      'SEARCH study_tokens USING PRIMARY KEY (tenant_id=? AND token=? AND place>? AND place<?)',
    ],
  ])('finds studies by %s through an index', (_, clauses, expected) => {
    const details = explain(studiesStatement(TENANT, narrow(plan(clauses)), 0, 26));
    expect(details.join('\n')).toContain(expected);
    expect(details.filter((detail) => /^SCAN (?!found|json_each|CONSTANT)/.test(detail))).toEqual([]);
  });

  it.each<[string, readonly QueryClause[]]>([
    ['no key', []],
    ['Patient ID', [equals('00100020', 'P1')]],
    ['part of a name', [name('*doe*')]],
    ['a modality', [equals('00080061', 'CT')]],
    ['two modalities', [equals('00080061', 'CT', 'MR')]],
  ])('gives pages by %s without sorting', (_, clauses) => {
    const details = explain(studiesStatement(TENANT, narrow(plan(clauses)), 0, 26));
    expect(details.filter((detail) => detail.includes('TEMP B-TREE'))).toEqual([]);
  });

  it('passes over studies in the index alone', () => {
    const details = explain(skippingStatement(TENANT, narrow(plan([])), 1000));
    expect(details).toEqual([expect.stringContaining('SEARCH studies USING COVERING INDEX studies_place')]);
  });

  it('finds patients in order and by ID', () => {
    expect(explain(patientsStatement(TENANT, plan([], 'patient'), ['', ''], 26))).toEqual([
      expect.stringContaining('SEARCH patients USING INDEX patients_order'),
    ]);
    const byName = explain(patientsStatement(TENANT, plan([name('doe^j*')], 'patient'), ['', ''], 26));
    expect(byName.join('\n')).toContain('SEARCH patients USING COVERING INDEX patients_order (tenant_id=? AND name>? AND name<?)');
    expect(byName.filter((detail) => /^SCAN (?!found|.subquery)/.test(detail))).toEqual([]);
    const byId = explain(patientsStatement(TENANT, plan([equals('00100020', 'P1')], 'patient'), ['', ''], 26));
    expect(byId[0]).toContain('SEARCH patients USING INDEX patients_id (tenant_id=? AND patient_id=?)');
  });

  it.each([
    ['series of a study', 'SELECT * FROM series WHERE study = ? ORDER BY position, series_uid', 'series_order'],
    ['instances of a series', 'SELECT * FROM instances WHERE series = ? ORDER BY position, sop_uid', 'instances_order'],
    ['an instance', 'SELECT * FROM instances WHERE sop_uid = ? AND series = ?', 'instances_uid'],
    ['receipts of an instance', 'SELECT * FROM receipts WHERE instance = ?', 'receipts_instance'],
    ['a receipt', 'SELECT * FROM receipts WHERE ulid = ? AND tenant_id = ?', 'receipts_ulid'],
    ['duplicates', 'SELECT * FROM receipts WHERE tenant_id = ? AND duplicate = 1 ORDER BY ulid', 'receipts_duplicate'],
    ['conflicts', 'SELECT * FROM conflicts WHERE tenant_id = ? AND (ulid, id) > (?, ?) ORDER BY ulid, id', 'conflicts_order'],
    ['the earliest claim', 'SELECT * FROM claims WHERE tenant_id = ? AND claim_group = ? ORDER BY ulid LIMIT 1', 'claims_order'],
  ])('reads %s through their index', (_, sql, index) => {
    const details = db.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...Array.from(sql.matchAll(/\?/g), () => 'x'));
    expect(details.map(({ detail }) => detail)).toEqual([expect.stringContaining(index)]);
  });
});
