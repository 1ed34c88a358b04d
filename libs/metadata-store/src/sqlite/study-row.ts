import type { DicomJson } from '@cairn/core';
import { studyPlace } from '../place.ts';
import { studySearchFields, studyTokens } from '../search-fields.ts';
import type { StudySearchFields } from '../search-fields.ts';
import type { Database } from './database.ts';
import type { StudyRow } from './rows.ts';
import { textTable } from './schema.ts';

/**
 * Writes a study and, where they changed, its search fields, place, text index and tokens. `row` gets them.
 * @param attributes - undefined when they are the same as before
 */
export function writeStudy(
  db: Database,
  tenantId: number,
  before: StudyRow | undefined,
  row: StudyRow,
  attributes: DicomJson | undefined,
): void {
  if (attributes !== undefined) {
    setSearchFields(row, studySearchFields(attributes));
    row.place = freePlace(db, tenantId, row.id, attributes, row.study_uid);
    db.run('INSERT OR REPLACE INTO study_attributes VALUES (?, ?)', row.id, JSON.stringify(attributes));
  }
  writeSearch(db, tenantId, before, row);
  writeRow(db, tenantId, row);
}

/** The search fields that a row holds. */
function searchFieldsOf(row: StudyRow): StudySearchFields {
  return {
    patientName: row.patient_name,
    patientId: row.patient_id,
    accessionNumber: row.accession_number,
    studyDescription: row.study_description,
    referringPhysicianName: row.referring_physician_name,
  };
}

function setSearchFields(row: StudyRow, fields: StudySearchFields): void {
  row.patient_name = fields.patientName;
  row.patient_id = fields.patientId;
  row.accession_number = fields.accessionNumber;
  row.study_description = fields.studyDescription;
  row.referring_physician_name = fields.referringPhysicianName;
}

function freePlace(db: Database, tenantId: number, study: number, attributes: DicomJson, studyInstanceUid: string): number {
  for (let attempt = 0; ; attempt++) {
    const place = studyPlace(attributes, studyInstanceUid, attempt);
    const holder = db.get<{ id: number }>('SELECT id FROM studies WHERE tenant_id = ? AND place = ?', tenantId, place);
    if (holder === undefined || holder.id === study) return place;
  }
}

function writeSearch(db: Database, tenantId: number, before: StudyRow | undefined, row: StudyRow): void {
  const moved = before?.place !== row.place;
  const fields = searchFieldsOf(row);
  if (before === undefined || moved || !sameTexts(Object.values(fields), Object.values(searchFieldsOf(before)))) {
    const table = textTable(tenantId);
    if (before !== undefined) db.run(`DELETE FROM ${table} WHERE rowid = ?`, before.place);
    const columns = Object.keys(fields).join(', ');
    db.run(`INSERT INTO ${table} (rowid, ${columns}) VALUES (?, ?, ?, ?, ?, ?)`, row.place, ...Object.values<string>(fields));
  }
  const tokens = tokensOf(row);
  const tokensBefore = before === undefined ? [] : tokensOf(before);
  if (!moved && sameTexts(tokens, tokensBefore)) return;
  for (const token of tokensBefore) {
    db.run('DELETE FROM study_tokens WHERE tenant_id = ? AND token = ? AND place = ?', tenantId, token, before!.place);
  }
  for (const token of tokens) db.run('INSERT INTO study_tokens (tenant_id, token, place) VALUES (?, ?, ?)', tenantId, token, row.place);
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index]);
}

function tokensOf(row: StudyRow): readonly string[] {
  return studyTokens(searchFieldsOf(row), JSON.parse(row.modalities) as string[]);
}

function writeRow(db: Database, tenantId: number, row: StudyRow): void {
  db.run(
    'INSERT OR REPLACE INTO studies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    row.id,
    tenantId,
    row.study_uid,
    row.place,
    row.patient,
    row.patient_name,
    row.patient_id,
    row.accession_number,
    row.study_description,
    row.referring_physician_name,
    row.modalities,
    row.sop_classes,
    row.representative,
    row.representative_receipt,
    row.series,
    row.instances,
    row.size_bytes,
    row.version,
  );
}
