import type { DicomJson } from '@cairn/core';
import { splitByLevel } from '../levels.ts';
import { foldedName, foldedText } from '../search-fields.ts';
import type { Database } from './database.ts';
import { readStudyAttributes } from './rows.ts';
import type { PatientRow, StudyRow } from './rows.ts';

interface PatientState {
  row: PatientRow;
  /** The representative study changed or left: the smallest must be looked for. */
  lost: boolean;
  /** The representative study, where it is a new one. */
  study?: number;
}

/** Counts and attributes of patients, from the differences of their studies, for the length of one transaction. */
export class PatientAggregates {
  readonly #db: Database;
  readonly #tenantId: number;
  readonly #newId: () => number;
  readonly #patients = new Map<number, PatientState>();
  readonly #idOfKey = new Map<string, number>();

  constructor(db: Database, tenantId: number, newId: () => number) {
    this.#db = db;
    this.#tenantId = tenantId;
    this.#newId = newId;
  }

  /**
   * Takes in a study's change and sets `after.patient`.
   * @param patientKey - undefined when the study's representative is the same as before
   */
  studyChanged(before: StudyRow | undefined, after: StudyRow, patientKey: string | undefined): void {
    const patient = patientKey === undefined ? this.#byId(after.patient) : this.#byKey(patientKey);
    after.patient = patient.row.id;
    if (before !== undefined) {
      const old = this.#byId(before.patient);
      count(old.row, before, -1);
      if (old.row.representative === before.representative && patientKey !== undefined) old.lost = true;
    }
    count(patient.row, after, 1);
    if (after.representative < patient.row.representative) {
      patient.row.representative = after.representative;
      patient.study = after.id;
    }
  }

  /** Writes the patients that changed; to be called when their studies are written. */
  flush(): void {
    for (const state of this.#patients.values()) {
      if (state.row.studies === 0) this.#db.run('DELETE FROM patients WHERE id = ?', state.row.id);
      else this.#write(state);
    }
  }

  #write(state: PatientState): void {
    const { row } = state;
    if (state.lost) {
      const sql = 'SELECT id, representative FROM studies WHERE patient = ? ORDER BY representative LIMIT 1';
      const smallest = this.#db.get<Pick<StudyRow, 'id' | 'representative'>>(sql, row.id)!;
      row.representative = smallest.representative;
      state.study = smallest.id;
    }
    if (state.study !== undefined) {
      const attributes = splitByLevel(JSON.parse(readStudyAttributes(this.#db, state.study)) as DicomJson).patient;
      row.attributes = JSON.stringify(attributes);
      row.name = foldedName(attributes, '00100010');
      row.patient_id = foldedText(attributes, '00100020');
    }
    this.#db.run(
      'INSERT OR REPLACE INTO patients VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      row.id,
      this.#tenantId,
      row.patient_key,
      row.name,
      row.patient_id,
      row.attributes,
      row.representative,
      row.studies,
      row.series,
      row.instances,
    );
  }

  #byId(id: number): PatientState {
    return this.#patients.get(id) ?? this.#remember(this.#db.get<PatientRow>('SELECT * FROM patients WHERE id = ?', id)!);
  }

  #byKey(key: string): PatientState {
    const id = this.#idOfKey.get(key);
    if (id !== undefined) return this.#byId(id);
    const row = this.#db.get<PatientRow>('SELECT * FROM patients WHERE patient_key = ? AND tenant_id = ?', key, this.#tenantId);
    const state = row === undefined ? undefined : this.#patients.get(row.id);
    const found = state ?? this.#remember(row ?? newPatient(this.#newId(), key));
    this.#idOfKey.set(key, found.row.id);
    return found;
  }

  #remember(row: PatientRow): PatientState {
    const state = { row, lost: false };
    this.#patients.set(row.id, state);
    return state;
  }
}

function count(patient: PatientRow, study: StudyRow, sign: 1 | -1): void {
  patient.studies += sign;
  patient.series += sign * study.series;
  patient.instances += sign * study.instances;
}

function newPatient(id: number, key: string): PatientRow {
  return {
    id,
    patient_key: key,
    name: '',
    patient_id: '',
    attributes: '{}',
    representative: '~',
    studies: 0,
    series: 0,
    instances: 0,
  };
}
