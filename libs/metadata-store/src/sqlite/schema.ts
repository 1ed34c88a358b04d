import type { DatabaseSync } from 'node:sqlite';

/** Raised with every change of the tables: another number in the file means that the index must be rebuilt. */
const SCHEMA_VERSION = 1;

/**
 * Positions (series and instance numbers) and places are numbers that give the order of a level; an absent number stands last.
 * Each index says the query that needs it.
 */
const SCHEMA = `
  CREATE TABLE tenants (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

  CREATE TABLE patients (
    id INTEGER PRIMARY KEY, tenant_id INTEGER NOT NULL, patient_key TEXT NOT NULL, name TEXT NOT NULL, patient_id TEXT NOT NULL,
    attributes TEXT NOT NULL, representative TEXT NOT NULL,
    studies INTEGER NOT NULL, series INTEGER NOT NULL, instances INTEGER NOT NULL
  ) STRICT;
  -- Identity: the patient of a study.
  CREATE UNIQUE INDEX patients_key ON patients (patient_key, tenant_id);
  -- Patients in order, by name prefix.
  CREATE INDEX patients_order ON patients (tenant_id, name, patient_key);
  -- Patients by Patient ID.
  CREATE INDEX patients_id ON patients (tenant_id, patient_id);

  CREATE TABLE studies (
    id INTEGER PRIMARY KEY, tenant_id INTEGER NOT NULL, study_uid TEXT NOT NULL, place INTEGER NOT NULL, patient INTEGER NOT NULL,
    patient_name TEXT NOT NULL, patient_id TEXT NOT NULL, accession_number TEXT NOT NULL, study_description TEXT NOT NULL,
    referring_physician_name TEXT NOT NULL, modalities TEXT NOT NULL, sop_classes TEXT NOT NULL, representative TEXT NOT NULL,
    representative_receipt INTEGER NOT NULL,
    series INTEGER NOT NULL, instances INTEGER NOT NULL, size_bytes INTEGER NOT NULL, version INTEGER NOT NULL
  ) STRICT;
  -- Apart from the rows that walks pass over.
  CREATE TABLE study_attributes (id INTEGER PRIMARY KEY, attributes TEXT NOT NULL) STRICT;
  -- Identity; studies by StudyInstanceUID.
  CREATE UNIQUE INDEX studies_uid ON studies (study_uid, tenant_id);
  -- Studies in order, by date, and those that the text index finds.
  CREATE UNIQUE INDEX studies_place ON studies (tenant_id, place);
  -- Studies of a patient: its counts; prior studies.
  CREATE INDEX studies_patient ON studies (patient);
  -- Studies by Patient ID, whatever its issuer.
  CREATE INDEX studies_patient_id ON studies (tenant_id, patient_id, place);
  -- Studies by accession number.
  CREATE INDEX studies_accession_number ON studies (tenant_id, accession_number, place);

  -- Modalities and short ideographic names of a study, in the order of studies.
  CREATE TABLE study_tokens (
    tenant_id INTEGER NOT NULL, token TEXT NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (tenant_id, token, place)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE series (
    id INTEGER PRIMARY KEY, study INTEGER NOT NULL, series_uid TEXT NOT NULL, position INTEGER NOT NULL, modality TEXT NOT NULL,
    attributes TEXT NOT NULL, representative TEXT NOT NULL, representative_receipt INTEGER NOT NULL,
    instances INTEGER NOT NULL, size_bytes INTEGER NOT NULL
  ) STRICT;
  -- Identity; series by SeriesInstanceUID.
  CREATE UNIQUE INDEX series_uid ON series (series_uid, study);
  -- Series of a study in order.
  CREATE INDEX series_order ON series (study, position, series_uid);

  CREATE TABLE instances (
    id INTEGER PRIMARY KEY, tenant_id INTEGER NOT NULL, series INTEGER NOT NULL, sop_uid TEXT NOT NULL, position INTEGER NOT NULL, instance_number INTEGER,
    sop_class_uid TEXT NOT NULL, size_bytes INTEGER NOT NULL, current TEXT NOT NULL, current_receipt INTEGER NOT NULL,
    attributes TEXT NOT NULL, version INTEGER NOT NULL
  ) STRICT;
  -- Identity; instances by SOPInstanceUID.
  CREATE UNIQUE INDEX instances_uid ON instances (sop_uid, series);
  -- Instances of a series in order.
  CREATE INDEX instances_order ON instances (series, position, sop_uid);

  CREATE TABLE receipts (
    id INTEGER PRIMARY KEY, tenant_id INTEGER NOT NULL, ulid TEXT NOT NULL, instance INTEGER NOT NULL, record TEXT NOT NULL,
    duplicate INTEGER NOT NULL
  ) STRICT;
  -- Redelivery of a receipt.
  CREATE UNIQUE INDEX receipts_ulid ON receipts (ulid, tenant_id);
  -- Versions of an instance.
  CREATE INDEX receipts_instance ON receipts (instance);
  -- Duplicates to collect, oldest first.
  CREATE INDEX receipts_duplicate ON receipts (tenant_id, ulid) WHERE duplicate = 1;

  CREATE TABLE receipt_texts (id INTEGER PRIMARY KEY, header TEXT NOT NULL, bulk TEXT NOT NULL, pixels TEXT) STRICT;

  -- Facts of the journal; subject: the instance or conflict that they are about.
  CREATE TABLE facts (
    tenant_id INTEGER NOT NULL, ulid TEXT NOT NULL, subject TEXT NOT NULL, receipt TEXT, fact TEXT NOT NULL, PRIMARY KEY (tenant_id, ulid)
  ) STRICT, WITHOUT ROWID;
  -- Facts that waited for their subject.
  CREATE INDEX facts_subject ON facts (tenant_id, subject);
  -- Receipts known from facts alone.
  CREATE INDEX facts_receipt ON facts (tenant_id, receipt) WHERE receipt IS NOT NULL;

  CREATE TABLE claims (
    tenant_id INTEGER NOT NULL, claim_group TEXT NOT NULL, claim TEXT NOT NULL, ulid TEXT NOT NULL,
    kind TEXT NOT NULL, study_uid TEXT NOT NULL, series_uid TEXT, PRIMARY KEY (tenant_id, claim_group, claim)
  ) STRICT, WITHOUT ROWID;
  -- The earliest claim of a group, which the others contradict.
  CREATE INDEX claims_order ON claims (tenant_id, claim_group, ulid);
  CREATE TABLE conflicts (
    tenant_id INTEGER NOT NULL, id TEXT NOT NULL, claim_group TEXT NOT NULL, ulid TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id)
  ) STRICT, WITHOUT ROWID;
  -- The conflicts of a group, replaced together.
  CREATE INDEX conflicts_group ON conflicts (tenant_id, claim_group);
  -- The reconciliation list, oldest first.
  CREATE INDEX conflicts_order ON conflicts (tenant_id, ulid, id);

  CREATE TABLE marks (tenant_id INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (tenant_id, name)) STRICT, WITHOUT ROWID;
`;

/** The text index of a tenant, one for each so that no tenant's size slows another; its row ids are the places of studies. */
export function textTable(tenantId: number): string {
  return `study_text_${tenantId}`;
}

/** Creates the tables in a new file; throws when the file was written with other tables. */
export function createSchema(db: DatabaseSync): void {
  const version = Number(db.prepare('PRAGMA user_version').get()!['user_version']);
  if (version === SCHEMA_VERSION) return;
  if (version !== 0) throw new Error(`The index has schema version ${version}, this program ${SCHEMA_VERSION}: rebuild it.`);
  db.exec(`BEGIN IMMEDIATE; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
}

/** Creates a tenant's text index: folded text by trigrams, columns kept apart, positions not. */
export function createTextTable(db: DatabaseSync, tenantId: number): void {
  db.exec(`CREATE VIRTUAL TABLE ${textTable(tenantId)} USING fts5(
    patientName, patientId, accessionNumber, studyDescription, referringPhysicianName,
    content='', contentless_delete=1, detail=column, tokenize='trigram case_sensitive 1')`);
}
