import type { ConflictDocument, InstanceDocument, SeriesDocument, StudyDocument } from '../documents.ts';
import type { IndexDocument, InstanceParts, InstanceSelector, RetrievableInstance } from '../metadata-store.ts';
import { compareTexts } from '../derive.ts';
import type { Database } from './database.ts';
import { patientFields, readInstance, readStudyAttributes, seriesFields, studyFields, withAttributes } from './rows.ts';
import type { InstanceRow, PatientRow, SeriesRow, StudyRow } from './rows.ts';
import type { DuplicateReceipt, Page } from './worker-protocol.ts';

/** A page of instances ends when its texts reach this size … */
const PAGE_CHARACTERS = 512 * 1024;
/** … or this many instances. */
const PAGE_INSTANCES = 500;
const DEFAULT_CONFLICTS = 100;

/** Studies with the key of their patient. */
export const STUDY_SQL = 'SELECT studies.*, patients.patient_key FROM studies JOIN patients ON patients.id = studies.patient';

export function readStudy(db: Database, tenantId: number, studyInstanceUid: string): StudyDocument | undefined {
  const row = findStudy(db, tenantId, studyInstanceUid);
  return row && withAttributes(studyFields(row), readStudyAttributes(db, row.id));
}

export function readSeries(
  db: Database,
  tenantId: number,
  studyInstanceUid: string,
  seriesInstanceUid: string,
): SeriesDocument | undefined {
  const study = findStudy(db, tenantId, studyInstanceUid);
  const row = study && findSeries(db, study.id, seriesInstanceUid);
  return row && withAttributes(seriesFields(row, studyInstanceUid), row.attributes);
}

export function readInstanceDocument(db: Database, tenantId: number, selector: Required<InstanceSelector>): InstanceDocument | undefined {
  const study = findStudy(db, tenantId, selector.studyInstanceUid);
  const series = study && findSeries(db, study.id, selector.seriesInstanceUid);
  const row = series && findInstance(db, series.id, selector.sopInstanceUid);
  return row && readInstance(db, tenantId, row).document;
}

/** A page of a selector's instances in order; `after` is the `next` of the page before. */
export function readInstances(
  db: Database,
  tenantId: number,
  selector: InstanceSelector,
  parts: InstanceParts,
  after?: string,
): Page<RetrievableInstance> {
  const study = findStudy(db, tenantId, selector.studyInstanceUid);
  if (study === undefined) return { items: [] };
  const items: RetrievableInstance[] = [];
  const from = after === undefined ? undefined : (JSON.parse(after) as InstanceCursor);
  let characters = 0;
  for (const [series, row] of instanceRows(db, study.id, selector, from)) {
    const { current, document } = readInstance(db, tenantId, row);
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = document;
    const texts = readTexts(db, row.current_receipt, parts);
    items.push({ studyInstanceUid, seriesInstanceUid, sopInstanceUid, version: current, ...texts });
    characters += (texts.header?.length ?? 0) + (texts.bulk?.length ?? 0) + (texts.pixels?.length ?? 0);
    if (characters < PAGE_CHARACTERS && items.length < PAGE_INSTANCES) continue;
    const cursor: InstanceCursor = [series.position, series.series_uid, row.position, row.sop_uid];
    return { items, next: JSON.stringify(cursor) };
  }
  return { items };
}

export function readConflicts(
  db: Database,
  tenantId: number,
  { all = false, limit = DEFAULT_CONFLICTS, after = '' }: { all?: boolean; limit?: number; after?: string },
): readonly ConflictDocument[] {
  // `after` is a conflict's id; its place in the order is that of its newest receipt.
  const last = db.get<{ ulid: string }>('SELECT ulid FROM conflicts WHERE tenant_id = ? AND id = ?', tenantId, after);
  const found: ConflictDocument[] = [];
  let [ulid, id] = [last?.ulid ?? '', after];
  for (;;) {
    const rows = db.all<{ id: string; ulid: string; document: string }>(
      'SELECT id, ulid, document FROM conflicts WHERE tenant_id = ? AND (ulid, id) > (?, ?) ORDER BY ulid, id LIMIT ?',
      tenantId,
      ulid,
      id,
      limit,
    );
    for (const row of rows) {
      const conflict = withResolution(db, tenantId, JSON.parse(row.document) as ConflictDocument);
      if (all || conflict.resolution === undefined) found.push(conflict);
      if (found.length === limit) return found;
      ({ ulid, id } = row);
    }
    if (rows.length < limit) return found;
  }
}

export function readDuplicates(db: Database, tenantId: number, limit: number): readonly DuplicateReceipt[] {
  const rows = db.all<{ ulid: string } & InstanceRow>(
    `SELECT receipts.ulid, instances.* FROM receipts JOIN instances ON instances.id = receipts.instance
      WHERE receipts.tenant_id = ? AND receipts.duplicate = 1 ORDER BY receipts.ulid LIMIT ?`,
    tenantId,
    limit,
  );
  return rows.map(({ ulid, ...row }) => {
    const { document } = readInstance(db, tenantId, row);
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = document;
    const version = document.versions.find(({ receipts }) => receipts.some((receipt) => receipt.ulid === ulid))!;
    const location = version.receipts.find((receipt) => receipt.ulid === ulid)!.location!;
    return { instance: { studyInstanceUid, seriesInstanceUid, sopInstanceUid }, version, duplicate: { ulid, location } };
  });
}

/** Those of the receipts that the index holds, or knows from the fact that they were collected. */
export function readKnownReceipts(db: Database, tenantId: number, ulids: readonly string[]): readonly string[] {
  return ulids.filter(
    (ulid) =>
      db.get('SELECT 1 FROM receipts WHERE ulid = ? AND tenant_id = ?', ulid, tenantId) ??
      db.get('SELECT 1 FROM facts WHERE tenant_id = ? AND receipt = ?', tenantId, ulid),
  );
}

const COLLECTIONS = ['patients', 'studies', 'series', 'instances', 'conflicts'] as const;
const EXPORT_ROWS = 200;

/** A page of a tenant's documents, ordered by collection and key. Series and instances come a study at a time. */
export function readExport(db: Database, tenantId: number, after?: string): Page<IndexDocument> {
  const [index, key] = after === undefined ? [0, ''] : (JSON.parse(after) as [number, string]);
  const collection = COLLECTIONS[index];
  if (collection === undefined) return { items: [] };
  const { items, last } = exportPage(db, tenantId, collection, key);
  return { items, next: JSON.stringify(last === undefined ? [index + 1, ''] : [index, last]) };
}

function exportPage(
  db: Database,
  tenantId: number,
  collection: (typeof COLLECTIONS)[number],
  after: string,
): { items: readonly IndexDocument[]; last: string | undefined } {
  switch (collection) {
    case 'patients': {
      const sql = 'SELECT * FROM patients WHERE patient_key > ? AND tenant_id = ? ORDER BY patient_key LIMIT ?';
      const rows = db.all<PatientRow>(sql, after, tenantId, EXPORT_ROWS);
      return {
        items: rows.map((row) => ({ collection, document: withAttributes(patientFields(row), row.attributes) })),
        last: rows.at(-1)?.patient_key,
      };
    }
    case 'conflicts': {
      const sql = 'SELECT id, document FROM conflicts WHERE tenant_id = ? AND id > ? ORDER BY id LIMIT ?';
      const rows = db.all<{ id: string; document: string }>(sql, tenantId, after, EXPORT_ROWS);
      const documents = rows.map((row) => withResolution(db, tenantId, JSON.parse(row.document) as ConflictDocument));
      return { items: documents.map((document) => ({ collection, document })), last: rows.at(-1)?.id };
    }
    case 'studies':
    case 'series':
    case 'instances': {
      const sql = `${STUDY_SQL} WHERE study_uid > ? AND studies.tenant_id = ? ORDER BY study_uid LIMIT 1`;
      const study = db.get<StudyRow & { patient_key: string }>(sql, after, tenantId);
      if (study === undefined) return { items: [], last: undefined };
      return { items: exportStudy(db, tenantId, collection, study), last: study.study_uid };
    }
  }
}

function exportStudy(
  db: Database,
  tenantId: number,
  collection: 'studies' | 'series' | 'instances',
  study: StudyRow & { patient_key: string },
): readonly IndexDocument[] {
  if (collection === 'studies') return [{ collection, document: withAttributes(studyFields(study), readStudyAttributes(db, study.id)) }];
  const series = db.all<SeriesRow>('SELECT * FROM series WHERE study = ? ORDER BY series_uid', study.id);
  if (collection === 'series')
    return series.map((row) => ({ collection, document: withAttributes(seriesFields(row, study.study_uid), row.attributes) }));
  return series.flatMap(({ id }) =>
    db
      .all<InstanceRow>('SELECT * FROM instances WHERE series = ?', id)
      .toSorted((a, b) => compareTexts(a.sop_uid, b.sop_uid))
      .map((row): IndexDocument => ({ collection, document: readInstance(db, tenantId, row).document })),
  );
}

/** Position and UID of a series, then of an instance. */
type InstanceCursor = readonly [number, string, number, string];

function* instanceRows(
  db: Database,
  study: number,
  selector: InstanceSelector,
  after: InstanceCursor | undefined,
): Generator<[SeriesRow, InstanceRow]> {
  const [seriesPosition, seriesUid, position, sopUid] = after ?? [-Infinity, '', -Infinity, ''];
  for (const series of seriesRows(db, study, selector.seriesInstanceUid, seriesPosition, seriesUid)) {
    const resumed = series.series_uid === seriesUid;
    if (selector.sopInstanceUid !== undefined) {
      const row = resumed ? undefined : findInstance(db, series.id, selector.sopInstanceUid);
      if (row !== undefined) yield [series, row];
      continue;
    }
    const rows = db.all<InstanceRow>(
      `SELECT * FROM instances WHERE series = ? AND (position, sop_uid) > (?, ?) ORDER BY position, sop_uid LIMIT ${PAGE_INSTANCES}`,
      series.id,
      resumed ? position : -Infinity,
      resumed ? sopUid : '',
    );
    for (const row of rows) yield [series, row];
  }
}

/** The study's series from the given one on. */
function seriesRows(db: Database, study: number, only: string | undefined, position: number, uid: string): readonly SeriesRow[] {
  const rows = db.all<SeriesRow>(
    'SELECT * FROM series WHERE study = ? AND (position, series_uid) >= (?, ?) ORDER BY position, series_uid',
    study,
    position,
    uid,
  );
  return only === undefined ? rows : rows.filter((row) => row.series_uid === only);
}

function readTexts(db: Database, receipt: number, parts: InstanceParts): Pick<RetrievableInstance, 'header' | 'bulk' | 'pixels'> {
  const columns = (['header', 'bulk', 'pixels'] as const).filter((part) => parts[part] === true);
  if (columns.length === 0) return {};
  const row = db.get<Record<string, string | null>>(`SELECT ${columns.join(', ')} FROM receipt_texts WHERE id = ?`, receipt)!;
  return Object.fromEntries(Object.entries(row).filter(([, text]) => text !== null));
}

function withResolution(db: Database, tenantId: number, conflict: ConflictDocument): ConflictDocument {
  const row = db.get<{ fact: string }>(
    'SELECT fact FROM facts WHERE tenant_id = ? AND subject = ? ORDER BY ulid DESC LIMIT 1',
    tenantId,
    conflict.id,
  );
  if (row === undefined) return conflict;
  const { ulid, action } = JSON.parse(row.fact) as { ulid: string; action: string };
  return { ...conflict, resolution: { ulid, action } };
}

function findStudy(db: Database, tenantId: number, studyInstanceUid: string): (StudyRow & { patient_key: string }) | undefined {
  return db.get(`${STUDY_SQL} WHERE study_uid = ? AND studies.tenant_id = ?`, studyInstanceUid, tenantId);
}

function findSeries(db: Database, study: number, seriesInstanceUid: string): SeriesRow | undefined {
  return db.get('SELECT * FROM series WHERE series_uid = ? AND study = ?', seriesInstanceUid, study);
}

function findInstance(db: Database, series: number, sopInstanceUid: string): InstanceRow | undefined {
  return db.get('SELECT * FROM instances WHERE sop_uid = ? AND series = ?', sopInstanceUid, series);
}
