import type { SQLInputValue } from 'node:sqlite';
import type { Database } from '../database.ts';
import { textTable } from '../schema.ts';
import type { StudyCandidateRow } from './candidate.ts';
import { marksFor } from './narrowing.ts';
import type { Condition, Narrowing } from './narrowing.ts';

/** A statement and its values, for the tests that read its plan too. */
export type Statement = Condition;

const COLUMNS = 'studies.*, patients.patient_key';
const PATIENT = 'CROSS JOIN patients ON patients.id = studies.patient';

/** The statement that reads the next studies that can match, in the order of places. */
export function studiesStatement(tenantId: number, { source, from, to, conditions }: Narrowing, place: number, count: number): Statement {
  const range = [Math.max(from, place), to];
  const where = conditions.map(({ sql }) => ` AND ${sql}`).join('');
  const values = conditions.flatMap((condition) => condition.values);
  const own = `studies.tenant_id = ? AND studies.place >= ? AND studies.place < ?${where} ORDER BY studies.place LIMIT ?`;
  const ownValues = [tenantId, ...range, ...values, count];
  switch (source.kind) {
    case 'index':
      return { sql: `SELECT ${COLUMNS} FROM studies INDEXED BY ${source.index} ${PATIENT} WHERE ${own}`, values: ownValues };
    case 'ids':
      return { sql: `SELECT ${COLUMNS} FROM studies NOT INDEXED ${PATIENT} WHERE ${own}`, values: ownValues };
    case 'text': {
      const table = textTable(tenantId);
      const sql = `SELECT ${COLUMNS} FROM ${table} AS found CROSS JOIN studies ON studies.tenant_id = ? AND studies.place = found.rowid ${PATIENT}
        WHERE ${table} MATCH ? AND found.rowid >= ? AND found.rowid < ?${where} ORDER BY found.rowid LIMIT ?`;
      return { sql, values: [tenantId, source.match, ...range, ...values, count] };
    }
    case 'tokens': {
      const one = 'SELECT place FROM study_tokens WHERE tenant_id = ? AND token = ? AND place >= ? AND place < ?';
      const tokens = source.tokens.map(() => one).join(' UNION ');
      const sql = `SELECT ${COLUMNS} FROM (${tokens} ORDER BY place) AS found
        CROSS JOIN studies ON studies.tenant_id = ? AND studies.place = found.place ${PATIENT} WHERE true${where} ORDER BY found.place LIMIT ?`;
      const tokenValues = source.tokens.flatMap((token): SQLInputValue[] => [tenantId, token, ...range]);
      return { sql, values: [...tokenValues, tenantId, ...values, count] };
    }
  }
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

/** A condition that a column has one of the values; true for none. */
export function oneOf(column: string, values: readonly string[] | undefined): Condition {
  return values === undefined ? { sql: 'true', values: [] } : { sql: `${column} IN (${marksFor(values)})`, values };
}
