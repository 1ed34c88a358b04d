import type { DicomJson, DicomJsonElement } from '@cairn/core';
import { levelOfAttribute } from '../../levels.ts';
import type { ElementSource } from '../../match.ts';
import type { Database } from '../database.ts';
import { readStudyAttributes } from '../rows.ts';
import type { InstanceRow, PatientRow, SeriesRow, StudyRow } from '../rows.ts';

const SOP_CLASS_UID = '00080016';

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
  allSeries(): readonly DicomJson[];
}

/** A series or instance that may match. */
export interface Candidate {
  study: StudyCandidate;
  series?: { row: SeriesRow; attributes: LazyJson; sopClasses(): readonly string[] };
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

/**
 * Elements of a study, series or instance: from the document of their level, what no document keeps from the header. At study
 * level an attribute of series has the values of all its series, so that a key matches when any of them does; so has
 * SOPClassUID above the instance those of all instances.
 */
export function elementsOf(candidate: Candidate): ElementSource {
  return (tag) => computedElement(tag, candidate) ?? storedElement(tag, candidate);
}

function storedElement(tag: string, { study, series, instance, header }: Candidate): DicomJsonElement | undefined {
  switch (levelOfAttribute(tag)) {
    case 'patient':
    case 'study':
      return study.attributes.value[tag];
    case 'series':
      return series === undefined ? together(study.allSeries(), tag) : series.attributes.value[tag];
    case 'instance':
      return (instance?.attributes ?? header).value[tag];
    case undefined:
      return header.value[tag];
  }
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

/** Attributes that the archive computes and clients search by: ModalitiesInStudy, SOP classes and counts. */
function computedElement(tag: string, { study, series, instance }: Candidate): DicomJsonElement | undefined {
  switch (tag) {
    case SOP_CLASS_UID:
      return instance === undefined ? { vr: 'UI', Value: sopClassesOf(study, series) } : undefined;
    case '00080061':
      return { vr: 'CS', Value: JSON.parse(study.row.modalities) as string[] };
    case '00080062':
      return { vr: 'UI', Value: sopClassesOf(study, undefined) };
    case '00201206':
      return { vr: 'IS', Value: [study.row.series] };
    case '00201208':
      return { vr: 'IS', Value: [study.row.instances] };
    case '00201209':
      return series && { vr: 'IS', Value: [series.row.instances] };
    default:
      return undefined;
  }
}

function sopClassesOf(study: StudyCandidate, series: Candidate['series']): readonly string[] {
  return series?.sopClasses() ?? (JSON.parse(study.row.sop_classes) as string[]);
}

function readSopClasses(db: Database, series: number): readonly string[] {
  return db.all<{ uid: string }>('SELECT DISTINCT sop_class_uid AS uid FROM instances WHERE series = ?', series).map(({ uid }) => uid);
}

function readAllSeries(db: Database, study: number): readonly DicomJson[] {
  return db
    .all<{ attributes: string }>('SELECT attributes FROM series WHERE study = ?', study)
    .map(({ attributes }) => JSON.parse(attributes) as DicomJson);
}

function together(all: readonly DicomJson[], tag: string): DicomJsonElement | undefined {
  const elements = all.map((attributes) => attributes[tag]).filter((element) => element !== undefined);
  const [first] = elements;
  return first && { vr: first.vr, Value: elements.flatMap(({ Value = [] }) => Value) };
}

function lazyJson(text: string): LazyJson {
  return new LazyJson(() => text);
}

function lazyHeader(db: Database, receipt: number): LazyJson {
  return new LazyJson(() => readHeader(db, receipt));
}
