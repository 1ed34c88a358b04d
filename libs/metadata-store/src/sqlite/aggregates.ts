import { compareTexts, patientKeyOf } from '../derive.ts';
import { firstInteger, firstText } from '../values.ts';
import type { Database } from './database.ts';
import type { ParsedReceipts } from './parsed-receipts.ts';
import { PatientAggregates } from './patient-aggregates.ts';
import { positionOf } from './rows.ts';
import type { InstanceRow, SeriesRow, StudyRow } from './rows.ts';
import { writeStudy } from './study-row.ts';

/** The receipt from whose header a study or series takes its attributes. */
interface Representative {
  ulid: string;
  receipt: number;
}

/** What the transaction knows of one series: the row to be written, and as it was. */
export interface SeriesState {
  row: SeriesRow;
  study: StudyState;
  before: Representative | undefined;
  /** The representative's current version changed: the smallest must be looked for. */
  lost: boolean;
}

/** The same of one study. */
export interface StudyState {
  row: StudyRow;
  before: StudyRow | undefined;
  lost: boolean;
  sopClasses: Set<string>;
  /** An instance changed its SOP class: the set must be counted anew. */
  sopClassesLost: boolean;
}

/**
 * Counts and representatives of series, studies and patients: kept up by differences while instances change, written once at
 * the end of the transaction. Only where a representative's own version changed is the smallest one looked for again.
 */
export class Aggregates {
  readonly #db: Database;
  readonly #tenantId: number;
  readonly #parsed: ParsedReceipts;
  readonly #studies = new Map<string, StudyState>();
  readonly #series = new Map<string, SeriesState>();
  readonly #nextIds = new Map<string, number>();

  constructor(db: Database, tenantId: number, parsed: ParsedReceipts) {
    this.#db = db;
    this.#tenantId = tenantId;
    this.#parsed = parsed;
  }

  /** The series, as the transaction has it so far; a new one has no instances yet. */
  series(studyInstanceUid: string, seriesInstanceUid: string): SeriesState {
    const key = `${studyInstanceUid}|${seriesInstanceUid}`;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const study = this.#study(studyInstanceUid);
    const row = this.#db.get<SeriesRow>('SELECT * FROM series WHERE series_uid = ? AND study = ?', seriesInstanceUid, study.row.id);
    const before = row && { ulid: row.representative, receipt: row.representative_receipt };
    const state = { row: row ?? newSeries(this.newId('series'), study.row.id, seriesInstanceUid), study, before, lost: false };
    this.#series.set(key, state);
    return state;
  }

  /** A row id never used: there is one writer, so counting up from the greatest is safe. */
  newId(table: 'patients' | 'studies' | 'series' | 'instances' | 'receipts'): number {
    const next = this.#nextIds.get(table) ?? this.#db.get<{ id: number }>(`SELECT coalesce(max(id), 0) + 1 AS id FROM ${table}`)!.id;
    this.#nextIds.set(table, next + 1);
    return next;
  }

  /** Takes in that an instance appeared or changed. */
  instanceChanged(series: SeriesState, before: InstanceRow | undefined, after: InstanceRow): void {
    const { study } = series;
    for (const row of [series.row, study.row]) {
      row.instances += before === undefined ? 1 : 0;
      row.size_bytes += after.size_bytes - (before?.size_bytes ?? 0);
    }
    study.row.version += after.version - (before?.version ?? 0);
    addSopClass(study, before?.sop_class_uid, after.sop_class_uid);
    if (before?.current === series.row.representative && hasMoved(before, after)) series.lost = true;
    else if (after.current < series.row.representative) represent(series.row, { ulid: after.current, receipt: after.current_receipt });
  }

  /** Writes what changed: series, then studies, then patients, because each takes its representative from those below. */
  flush(): void {
    for (const series of this.#series.values()) if (series.row.instances > 0) this.#flushSeries(series);
    const patients = new PatientAggregates(this.#db, this.#tenantId, () => this.newId('patients'));
    for (const study of this.#studies.values()) if (study.row.instances > 0) this.#flushStudy(study, patients);
    patients.flush();
  }

  #study(studyInstanceUid: string): StudyState {
    const known = this.#studies.get(studyInstanceUid);
    if (known !== undefined) return known;
    const before = this.#db.get<StudyRow>('SELECT * FROM studies WHERE study_uid = ? AND tenant_id = ?', studyInstanceUid, this.#tenantId);
    const state: StudyState = {
      row: before === undefined ? newStudy(this.newId('studies'), studyInstanceUid) : { ...before },
      before,
      lost: false,
      sopClasses: new Set(before === undefined ? [] : (JSON.parse(before.sop_classes) as string[])),
      sopClassesLost: false,
    };
    this.#studies.set(studyInstanceUid, state);
    return state;
  }

  #flushSeries(state: SeriesState): void {
    const { row, study, before } = state;
    if (state.lost) {
      const smallest = 'SELECT current AS ulid, current_receipt AS receipt FROM instances WHERE series = ? ORDER BY current LIMIT 1';
      represent(row, this.#db.get<Representative>(smallest, row.id)!);
    }
    if (before === undefined) study.row.series += 1;
    const moved = before?.ulid !== row.representative || before.receipt !== row.representative_receipt;
    if (moved) {
      const attributes = this.#parsed.get(row.representative_receipt).byLevel.series;
      row.attributes = JSON.stringify(attributes);
      row.modality = firstText(attributes, '00080060');
      row.position = positionOf(firstInteger(attributes, '00200011'));
    }
    if (before !== undefined && moved && before.ulid === study.row.representative) study.lost = true;
    else if (row.representative < study.row.representative) {
      represent(study.row, { ulid: row.representative, receipt: row.representative_receipt });
    }
    this.#writeSeries(row);
  }

  #writeSeries(row: SeriesRow): void {
    this.#db.run(
      'INSERT OR REPLACE INTO series VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      row.id,
      row.study,
      row.series_uid,
      row.position,
      row.modality,
      row.attributes,
      row.representative,
      row.representative_receipt,
      row.instances,
      row.size_bytes,
    );
  }

  #flushStudy(state: StudyState, patients: PatientAggregates): void {
    const { row, before } = state;
    if (state.lost) {
      const smallest = `SELECT representative AS ulid, representative_receipt AS receipt FROM series WHERE study = ?
        ORDER BY representative LIMIT 1`;
      represent(row, this.#db.get<Representative>(smallest, row.id)!);
    }
    if (state.sopClassesLost) state.sopClasses = new Set(this.#sopClassesOf(row.id));
    row.sop_classes = JSON.stringify([...state.sopClasses].toSorted(compareTexts));
    row.modalities = JSON.stringify(this.#modalitiesOf(row.id));
    const moved = before?.representative !== row.representative || before.representative_receipt !== row.representative_receipt;
    const parsed = moved ? this.#parsed.get(row.representative_receipt) : undefined;
    patients.studyChanged(before, row, parsed && patientKeyOf(parsed.byLevel.patient, row.study_uid, parsed.defaultIssuer));
    writeStudy(this.#db, this.#tenantId, before, row, parsed && { ...parsed.byLevel.patient, ...parsed.byLevel.study });
  }

  #modalitiesOf(study: number): readonly string[] {
    return this.#db
      .all<{ modality: string }>(`SELECT DISTINCT modality FROM series WHERE study = ? AND modality <> '' ORDER BY modality`, study)
      .map(({ modality }) => modality);
  }

  #sopClassesOf(study: number): readonly string[] {
    const sql = 'SELECT DISTINCT sop_class_uid AS uid FROM instances WHERE series IN (SELECT id FROM series WHERE study = ?)';
    return this.#db.all<{ uid: string }>(sql, study).map(({ uid }) => uid);
  }
}

/** Greater than every ULID: a new aggregate takes the first representative that comes. */
const NONE = '~';

function represent(row: { representative: string; representative_receipt: number }, { ulid, receipt }: Representative): void {
  row.representative = ulid;
  row.representative_receipt = receipt;
}

function addSopClass(study: StudyState, before: string | undefined, after: string): void {
  study.sopClasses.add(after);
  if (before !== undefined && before !== after) study.sopClassesLost = true;
}

/** True when another version, or another receipt of it, is served. */
function hasMoved(before: InstanceRow, after: InstanceRow): boolean {
  return before.current !== after.current || before.current_receipt !== after.current_receipt;
}

function newSeries(id: number, study: number, seriesInstanceUid: string): SeriesRow {
  return {
    id,
    study,
    series_uid: seriesInstanceUid,
    position: 0,
    modality: '',
    attributes: '{}',
    representative: NONE,
    representative_receipt: 0,
    instances: 0,
    size_bytes: 0,
  };
}

function newStudy(id: number, studyInstanceUid: string): StudyRow {
  return {
    id,
    study_uid: studyInstanceUid,
    place: 0,
    patient: 0,
    patient_name: '',
    patient_id: '',
    accession_number: '',
    study_description: '',
    referring_physician_name: '',
    modalities: '[]',
    sop_classes: '[]',
    representative: NONE,
    representative_receipt: 0,
    series: 0,
    instances: 0,
    size_bytes: 0,
    version: 0,
  };
}
