import type { SQLInputValue } from 'node:sqlite';
import { compileClause } from '../../match.ts';
import type { QueryPlan } from '../../query.ts';
import type { Database } from '../database.ts';
import { patientFields } from '../rows.ts';
import type { PatientRow } from '../rows.ts';
import { elementsOfPatient, headerOfPatient } from './candidate.ts';
import { encodeCursor } from './cursor.ts';
import type { CursorKey } from './cursor.ts';
import { allHold, jsonWith } from './match-stream.ts';
import type { Match } from './match-stream.ts';
import { patientConditions } from './narrowing.ts';
import type { Condition } from './narrowing.ts';

/** Patients read at once. */
const PATIENTS = 500;

/** The statement that reads the next patients that can match, in the order of names. */
export function patientsStatement(tenantId: number, plan: QueryPlan, after: CursorKey, count: number): Condition {
  const { conditions, byId } = patientConditions(plan);
  const where = conditions.map(({ sql }) => ` AND ${sql}`).join('');
  const values: SQLInputValue[] = [tenantId, ...after, ...conditions.flatMap((condition) => condition.values), count];
  const sql = `SELECT * FROM patients INDEXED BY ${byId ? 'patients_id' : 'patients_order'}
    WHERE tenant_id = ? AND (name, patient_key) > (?, ?)${where} ORDER BY name, patient_key LIMIT ?`;
  return { sql, values };
}

/** The patients that match. */
export function* patientRows(db: Database, tenantId: number, plan: QueryPlan, after: CursorKey | undefined): Generator<Match> {
  const predicates = plan.clauses.map(compileClause);
  let last: CursorKey = after ?? ['', ''];
  for (;;) {
    const { sql, values } = patientsStatement(tenantId, plan, last, PATIENTS);
    const rows = db.all<PatientRow>(sql, ...values);
    for (const row of rows) {
      if (!allHold(predicates, elementsOfPatient(db, row))) continue;
      const cursor = encodeCursor([row.name, row.patient_key]);
      const header = (): string | undefined => (plan.withHeader ? headerOfPatient(db, row.id) : undefined);
      yield () => jsonWith({ cursor }, { patient: jsonWith(patientFields(row), { attributes: row.attributes }), header: header() });
    }
    if (rows.length < PATIENTS) return;
    last = [rows.at(-1)!.name, rows.at(-1)!.patient_key];
    yield 'pause';
  }
}
