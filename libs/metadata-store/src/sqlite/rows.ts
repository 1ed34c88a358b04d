import type { DicomJson } from '@cairn/core';
import { deriveInstance } from '../derive.ts';
import type { DerivedInstance, InstanceFact } from '../derive.ts';
import type { PatientDocument, ReceiptRecord, SeriesDocument, StudyDocument } from '../documents.ts';
import type { Database } from './database.ts';

/** Stands for an absent series or instance number: after every IS value. */
const NO_POSITION = 2 ** 31;

export interface PatientRow {
  id: number;
  patient_key: string;
  name: string;
  patient_id: string;
  attributes: string;
  representative: string;
  studies: number;
  series: number;
  instances: number;
}

export interface StudyRow {
  id: number;
  study_uid: string;
  place: number;
  patient: number;
  patient_name: string;
  patient_id: string;
  accession_number: string;
  study_description: string;
  referring_physician_name: string;
  /** JSON array, ascending. */
  modalities: string;
  /** JSON array, ascending. */
  sop_classes: string;
  representative: string;
  representative_receipt: number;
  series: number;
  instances: number;
  size_bytes: number;
  version: number;
}

export interface SeriesRow {
  id: number;
  study: number;
  series_uid: string;
  position: number;
  modality: string;
  attributes: string;
  representative: string;
  representative_receipt: number;
  instances: number;
  size_bytes: number;
}

export interface InstanceRow {
  id: number;
  series: number;
  sop_uid: string;
  position: number;
  instance_number: number | null;
  sop_class_uid: string;
  size_bytes: number;
  /** ULID of the current version. */
  current: string;
  /** Row of the receipt whose object and texts serve the current version. */
  current_receipt: number;
  attributes: string;
  version: number;
}

/** Position of a series or instance in its order. */
export function positionOf(number: number | undefined): number {
  return number ?? NO_POSITION;
}

/** A patient's document without its attributes. */
export function patientFields(row: PatientRow): Omit<PatientDocument, 'attributes'> {
  return { patientKey: row.patient_key, numberOfStudies: row.studies, numberOfSeries: row.series, numberOfInstances: row.instances };
}

/** A study's document without its attributes. */
export function studyFields(row: StudyRow & { patient_key: string }): Omit<StudyDocument, 'attributes'> {
  return {
    ...studyColumns(row),
    modalities: JSON.parse(row.modalities) as string[],
    sopClasses: JSON.parse(row.sop_classes) as string[],
  };
}

/** What of a study's document is kept as it is, not as JSON text. */
export function studyColumns(row: StudyRow & { patient_key: string }): Omit<StudyDocument, 'attributes' | 'modalities' | 'sopClasses'> {
  return {
    studyInstanceUid: row.study_uid,
    patientKey: row.patient_key,
    numberOfSeries: row.series,
    numberOfInstances: row.instances,
    sizeBytes: row.size_bytes,
    representative: row.representative,
  };
}

/** A series' document without its attributes. */
export function seriesFields(row: SeriesRow, studyInstanceUid: string): Omit<SeriesDocument, 'attributes'> {
  return {
    studyInstanceUid,
    seriesInstanceUid: row.series_uid,
    numberOfInstances: row.instances,
    sizeBytes: row.size_bytes,
    representative: row.representative,
  };
}

/** Fields with attributes from their stored text. */
export function withAttributes<T extends object>(fields: T, attributes: string): T & { attributes: DicomJson } {
  return { ...fields, attributes: JSON.parse(attributes) as DicomJson };
}

/** Attributes of the patient and study level of a study, as JSON text. */
export function readStudyAttributes(db: Database, study: number): string {
  return db.get<{ attributes: string }>('SELECT attributes FROM study_attributes WHERE id = ?', study)!.attributes;
}

/** Subject of the facts about an instance. */
export function instanceSubject(of: { studyInstanceUid: string; seriesInstanceUid: string; sopInstanceUid: string }): string {
  return `${of.studyInstanceUid}|${of.seriesInstanceUid}|${of.sopInstanceUid}`;
}

/** The receipts of an instance. */
export function readRecords(db: Database, instance: number): readonly { id: number; record: ReceiptRecord }[] {
  return db
    .all<{ id: number; record: string }>('SELECT id, record FROM receipts WHERE instance = ?', instance)
    .map(({ id, record }) => ({ id, record: JSON.parse(record) as ReceiptRecord }));
}

/** The facts about an instance. */
export function readFacts(db: Database, tenantId: number, subject: string): readonly InstanceFact[] {
  return db
    .all<{ fact: string }>('SELECT fact FROM facts WHERE tenant_id = ? AND subject = ?', tenantId, subject)
    .map(({ fact }) => JSON.parse(fact) as InstanceFact);
}

/** An instance as its receipts and facts give it. */
export function readInstance(db: Database, tenantId: number, row: Pick<InstanceRow, 'id' | 'instance_number'>): DerivedInstance {
  const records = readRecords(db, row.id).map(({ record }) => record);
  const derived = deriveInstance(records, readFacts(db, tenantId, instanceSubject(records[0]!)));
  if (row.instance_number === null) return derived;
  return { ...derived, document: { ...derived.document, instanceNumber: row.instance_number } };
}
