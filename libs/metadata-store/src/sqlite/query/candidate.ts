import type { DicomJson } from '@cairn/core';
import { elementsOfLevel } from '../../elements.ts';
import { levelOfAttribute } from '../../levels.ts';
import type { ElementSource } from '../../match.ts';
import type { Database } from '../database.ts';
import { readStudyAttributes } from '../rows.ts';
import type { InstanceRow, PatientRow, SeriesRow, StudyRow } from '../rows.ts';

/** A study as a query reads it. */
export type StudyCandidateRow = StudyRow & { patient_key: string };

/** JSON that is read when a predicate or the answer asks for it, and parsed only for a predicate; each at most once. */
class LazyJson {
  readonly #read: () => string;
  #text: string | undefined;
  #value: DicomJson | undefined;

  constructor(read: () => string) {
    this.#read = read;
  }

  get text(): string {
    this.#text ??= this.#read();
    return this.#text;
  }

  get value(): DicomJson {
    this.#value ??= JSON.parse(this.text) as DicomJson;
    return this.#value;
  }
}

/** A study that may match, with what its series and instances share. */
export interface StudyCandidate {
  row: StudyCandidateRow;
  attributes: LazyJson;
  /** Attributes of its series. */
  allSeries: () => readonly DicomJson[];
}

/** A series or instance that may match. */
export interface Candidate {
  study: StudyCandidate;
  series?: { row: SeriesRow; attributes: LazyJson; sopClasses: () => readonly string[] };
  instance?: { row: InstanceRow; attributes: LazyJson };
  /** Header of the row's representative instance, its own at instance level. */
  header: LazyJson;
}

export function studyCandidate(db: Database, row: StudyCandidateRow): Candidate {
  const study = {
    row,
    attributes: new LazyJson(() => readStudyAttributes(db, row.id)),
    allSeries: () => readAllSeries(db, row.id),
  };
  return { study, header: lazyHeader(db, row.representative_receipt) };
}

export function seriesCandidate(db: Database, study: StudyCandidate, row: SeriesRow): Candidate {
  const series = { row, attributes: lazyJson(row.attributes), sopClasses: () => readSopClasses(db, row.id) };
  return { study, series, header: lazyHeader(db, row.representative_receipt) };
}

export function instanceCandidate(db: Database, { study, series }: Candidate, row: InstanceRow): Candidate {
  const instance = { row, attributes: lazyJson(row.attributes) };
  return { study, ...(series && { series }), instance, header: lazyHeader(db, row.current_receipt) };
}

/** The header of a receipt. */
function readHeader(db: Database, receipt: number): string {
  return db.get<{ header: string }>('SELECT header FROM receipt_texts WHERE id = ?', receipt)!.header;
}

/** Elements of a study, series or instance. */
export function elementsOf({ study, series, instance, header }: Candidate): ElementSource {
  return elementsOfLevel({
    study: {
      attributes: () => study.attributes.value,
      allSeries: study.allSeries,
      modalities: () => JSON.parse(study.row.modalities) as string[],
      sopClasses: () => JSON.parse(study.row.sop_classes) as string[],
      series: study.row.series,
      instances: study.row.instances,
    },
    ...(series && {
      series: { attributes: () => series.attributes.value, sopClasses: series.sopClasses, instances: series.row.instances },
    }),
    ...(instance && { instance: { attributes: () => instance.attributes.value } }),
    header: () => header.value,
  });
}

/** Elements of a patient: what is not its own comes from the header of its earliest study. */
export function elementsOfPatient(db: Database, row: PatientRow): ElementSource {
  const attributes = lazyJson(row.attributes);
  const header = new LazyJson(() => headerOfPatient(db, row.id));
  return (tag) => (levelOfAttribute(tag) === 'patient' ? attributes : header).value[tag];
}

/** The header of a patient's earliest study. */
export function headerOfPatient(db: Database, patient: number): string {
  const sql = 'SELECT representative_receipt FROM studies WHERE patient = ? ORDER BY representative LIMIT 1';
  return readHeader(db, db.get<Pick<StudyRow, 'representative_receipt'>>(sql, patient)!.representative_receipt);
}

function readSopClasses(db: Database, series: number): readonly string[] {
  return db.all<{ uid: string }>('SELECT DISTINCT sop_class_uid AS uid FROM instances WHERE series = ?', series).map(({ uid }) => uid);
}

function readAllSeries(db: Database, study: number): readonly DicomJson[] {
  return db
    .all<{ attributes: string }>('SELECT attributes FROM series WHERE study = ?', study)
    .map(({ attributes }) => JSON.parse(attributes) as DicomJson);
}

function lazyJson(text: string): LazyJson {
  return new LazyJson(() => text);
}

function lazyHeader(db: Database, receipt: number): LazyJson {
  return new LazyJson(() => readHeader(db, receipt));
}
