import { compileClause } from '../../match.ts';
import type { QueryPlan } from '../../query.ts';
import { LIMIT } from '../database.ts';
import type { Database } from '../database.ts';
import { patientFields } from '../rows.ts';
import type { PatientRow } from '../rows.ts';
import { textTable } from '../schema.ts';
import { elementsOfPatient, headerOfPatient } from './candidate.ts';
import { encodeCursor } from './cursor.ts';
import type { CursorKey } from './cursor.ts';
import { allHold, jsonWith } from './match-stream.ts';
import type { Match } from './match-stream.ts';
import { patientConditions } from './narrowing.ts';
import type { Condition } from './narrowing.ts';

/** Patients read at once at most. */
const PATIENTS = 500;

/** The statement that reads the next patients that can match, in the order of names. */
export function patientsStatement(tenantId: number, plan: QueryPlan, after: CursorKey, count: number): Condition {
  const { conditions, byId, prefix } = patientConditions(plan);
  const where = conditions.map(({ sql }) => ` AND ${sql}`).join('');
  const ownValues = [tenantId, ...after, ...conditions.flatMap((condition) => condition.values), count];
  const own = `tenant_id = ? AND (name, patient_key) > (?, ?)${where}`;
  const order = `ORDER BY name, patient_key ${LIMIT}`;
  if (byId || prefix === undefined) {
    const sql = `SELECT * FROM patients INDEXED BY ${byId ? 'patients_id' : 'patients_order'} WHERE ${own} ${order}`;
    return { sql, values: ownValues };
  }
  // The first component group begins the name and so its order; the others are found by the text index of their studies.
  const first = `SELECT id FROM patients INDEXED BY patients_order WHERE name >= ? AND name < ? AND ${own} ${order}`;
  const others = `SELECT studies.patient FROM ${textTable(tenantId)} AS found CROSS JOIN studies
    ON studies.tenant_id = ? AND studies.place = found.rowid WHERE ${textTable(tenantId)} MATCH ?`;
  return {
    sql: `SELECT * FROM patients NOT INDEXED WHERE id IN (SELECT id FROM (${first}) UNION ${others}) AND ${own} ${order}`,
    values: [prefix.from, prefix.to, ...ownValues, tenantId, prefix.others, ...ownValues],
  };
}

/** The patients that match. */
export function* patientRows(db: Database, tenantId: number, plan: QueryPlan, after: CursorKey | undefined): Generator<Match> {
  const predicates = plan.clauses.map(compileClause);
  const count = Math.min(plan.offset + plan.limit + 1, PATIENTS);
  let last: CursorKey = after ?? ['', ''];
  for (;;) {
    const { sql, values } = patientsStatement(tenantId, plan, last, count);
    const rows = db.all<PatientRow>(sql, ...values);
    for (const row of rows) {
      if (!allHold(predicates, elementsOfPatient(db, row))) continue;
      const cursor = encodeCursor([row.name, row.patient_key]);
      const header = (): string | undefined => (plan.withHeader ? headerOfPatient(db, row.id) : undefined);
      yield () => jsonWith({ cursor }, { patient: jsonWith(patientFields(row), { attributes: row.attributes }), header: header() });
    }
    if (rows.length < count) return;
    last = [rows.at(-1)!.name, rows.at(-1)!.patient_key];
    yield 'pause';
  }
}
