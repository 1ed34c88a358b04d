import type { SQLInputValue } from 'node:sqlite';
import { LIMIT } from '../database.ts';
import type { Database } from '../database.ts';
import { textTable } from '../schema.ts';
import type { StudyCandidateRow } from './candidate.ts';
import { ALL_STUDIES } from './narrowing.ts';
import type { Condition, Narrowing } from './narrowing.ts';

/** A statement and its values, for the tests that read its plan too. */
export type Statement = Condition;

/** The statement that reads the next studies that can match, in the order of places. */
export function studiesStatement(tenantId: number, narrowing: Narrowing, place: number, count: number): Statement {
  return statementOf(tenantId, narrowing, place, {
    columns: 'studies.*, patients.patient_key',
    join: 'CROSS JOIN patients ON patients.id = studies.patient',
    limit: LIMIT,
    count,
  });
}

/** The statement that reads the place of the study after `skipped` others. */
export function skippingStatement(tenantId: number, narrowing: Narrowing, skipped: number): Statement {
  return statementOf(tenantId, narrowing, 0, { columns: 'studies.place', join: '', limit: 'LIMIT 1 OFFSET ?', count: skipped });
}

/** The next studies that can match, from a place on. */
export function readStudies(
  db: Database,
  tenantId: number,
  narrowing: Narrowing,
  place: number,
  count: number,
): readonly StudyCandidateRow[] {
  const { sql, values } = studiesStatement(tenantId, narrowing, place, count);
  return db.all<StudyCandidateRow>(sql, ...values);
}

/** Where the study stands that comes after `skipped` others; behind all when there are not as many. */
export function placeAfter(db: Database, tenantId: number, narrowing: Narrowing, skipped: number): number {
  const { sql, values } = skippingStatement(tenantId, narrowing, skipped);
  return db.get<{ place: number }>(sql, ...values)?.place ?? Number.MAX_SAFE_INTEGER;
}

/** Studies that one statement of a walk looks at: some ten milliseconds. */
const WALK_STEP = 20_000;

/** Where a statement that starts at a place must end: a filtering walk over all studies goes in steps, so that others get their turn. */
export function stepEnd(db: Database, tenantId: number, { source, to, conditions }: Narrowing, place: number): number {
  if (source !== ALL_STUDIES || conditions.length === 0) return to;
  return Math.min(to, placeAfter(db, tenantId, { source, from: place, to, conditions: [], open: [] }, WALK_STEP));
}

interface Selection {
  columns: string;
  join: string;
  limit: string;
  count: number;
}

function statementOf(
  tenantId: number,
  { source, from, to, conditions }: Narrowing,
  place: number,
  { columns, join, limit, count }: Selection,
): Statement {
  const range = [Math.max(from, place), to];
  const where = conditions.map(({ sql }) => ` AND ${sql}`).join('');
  const values = conditions.flatMap((condition) => condition.values);
  const own = `${join} WHERE studies.tenant_id = ? AND studies.place >= ? AND studies.place < ?${where} ORDER BY studies.place ${limit}`;
  switch (source.kind) {
    case 'index':
      return { sql: `SELECT ${columns} FROM studies INDEXED BY ${source.index} ${own}`, values: [tenantId, ...range, ...values, count] };
    case 'ids':
      return { sql: `SELECT ${columns} FROM studies NOT INDEXED ${own}`, values: [tenantId, ...range, ...values, count] };
    case 'text': {
      const table = textTable(tenantId);
      const sql = `SELECT ${columns} FROM ${table} AS found CROSS JOIN studies ON studies.tenant_id = ? AND studies.place = found.rowid ${join}
        WHERE ${table} MATCH ? AND found.rowid >= ? AND found.rowid < ?${where} ORDER BY found.rowid ${limit}`;
      return { sql, values: [tenantId, source.match, ...range, ...values, count] };
    }
    case 'tokens': {
      const one = 'SELECT place FROM study_tokens WHERE tenant_id = ? AND token = ? AND place >= ? AND place < ?';
      const tokens = source.tokens.map(() => one).join(' UNION ');
      const sql = `SELECT ${columns} FROM (${tokens} ORDER BY place) AS found
        CROSS JOIN studies ON studies.tenant_id = ? AND studies.place = found.place ${join} WHERE true${where} ORDER BY found.place ${limit}`;
      const tokenValues = source.tokens.flatMap((token): SQLInputValue[] => [tenantId, token, ...range]);
      return { sql, values: [...tokenValues, tenantId, ...values, count] };
    }
  }
}
