import type { DicomJson } from '@cairn/core';
import { conflictsOf, contentClaims, identityClaims, placeClaim } from '../conflicts.ts';
import type { Claim } from '../conflicts.ts';
import { changeCount, contentKey, deriveInstance } from '../derive.ts';
import type { DerivedInstance, InstanceFact } from '../derive.ts';
import type { ConflictDocument, InstanceReceipt, ReceiptRecord } from '../documents.ts';
import type { JournalFact, ReceiptOutcome } from '../metadata-store.ts';
import { firstInteger } from '../values.ts';
import { Aggregates } from './aggregates.ts';
import type { SeriesState } from './aggregates.ts';
import { ClaimsTable } from './claims-table.ts';
import type { Database } from './database.ts';
import { ParsedReceipts } from './parsed-receipts.ts';
import { instanceSubject, positionOf, readFacts, readInstance, readRecords } from './rows.ts';
import type { InstanceRow } from './rows.ts';

interface RecordWithId {
  id: number;
  record: ReceiptRecord;
}

/** One transaction that adds receipts and facts to a tenant's index. */
export class IndexWriter {
  readonly #db: Database;
  readonly #tenantId: number;
  readonly #parsed: ParsedReceipts;
  readonly #aggregates: Aggregates;
  readonly #claims: ClaimsTable;

  constructor(db: Database, tenantId: number) {
    this.#db = db;
    this.#tenantId = tenantId;
    this.#parsed = new ParsedReceipts(db);
    this.#aggregates = new Aggregates(db, tenantId, this.#parsed);
    this.#claims = new ClaimsTable(db, tenantId);
  }

  /** Adds one receipt. */
  record(receipt: InstanceReceipt): ReceiptOutcome {
    const { ulid, studyInstanceUid, seriesInstanceUid, sopInstanceUid } = receipt;
    const series = this.#aggregates.series(studyInstanceUid, seriesInstanceUid);
    const known = this.#db.get<{ instance: number }>(
      'SELECT instance FROM receipts WHERE ulid = ? AND tenant_id = ?',
      ulid,
      this.#tenantId,
    );
    if (known !== undefined) return this.#redelivered(ulid, known.instance, series);

    const sameUid = this.#instancesWithUid(sopInstanceUid);
    const before = sameUid.find((row) => row.series === series.row.id);
    const earlier = before === undefined ? [] : readRecords(this.#db, before.id);
    const instance = before?.id ?? this.#aggregates.newId('instances');
    const added = this.#insert(receipt, instance);
    const facts = readFacts(this.#db, this.#tenantId, instanceSubject(receipt));
    const { derived, row } = this.#update(series, before, instance, [...earlier, added], facts);
    const identityConflicts = identityClaims(added.record, added.header).flatMap((claim) => this.#claims.add(claim));
    return {
      ulid,
      outcome: outcomeOf(added.record, earlier, facts),
      conflicts: [...identityConflicts, ...this.#instanceConflicts(derived, instance, sameUid)],
      studyVersion: series.study.row.version,
      instanceVersion: row.version,
    };
  }

  /** Applies one fact; a known one changes nothing, one about something unknown is kept until that comes. */
  apply(fact: JournalFact): void {
    const subject = fact.type === 'conflict-resolved' ? fact.conflictId : instanceSubject(fact.instance);
    const receipt = fact.type === 'duplicate-collected' ? fact.receipt : null;
    const added = this.#db.run(
      'INSERT OR IGNORE INTO facts (tenant_id, ulid, subject, receipt, fact) VALUES (?, ?, ?, ?, ?)',
      this.#tenantId,
      fact.ulid,
      subject,
      receipt,
      JSON.stringify(fact),
    );
    if (added === 0 || fact.type === 'conflict-resolved') return;
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = fact.instance;
    const series = this.#aggregates.series(studyInstanceUid, seriesInstanceUid);
    const sameUid = this.#instancesWithUid(sopInstanceUid);
    const before = sameUid.find((row) => row.series === series.row.id);
    if (before === undefined) return;
    const facts = readFacts(this.#db, this.#tenantId, subject);
    const { derived } = this.#update(series, before, before.id, readRecords(this.#db, before.id), facts);
    this.#instanceConflicts(derived, before.id, sameUid);
  }

  /** Writes counts and representatives; the last step of the transaction. */
  flush(): void {
    this.#aggregates.flush();
  }

  #insert(receipt: InstanceReceipt, instance: number): RecordWithId & { header: DicomJson } {
    const { header: headerText, bulk, pixels = null, ...record } = receipt;
    const id = this.#aggregates.newId('receipts');
    const header = JSON.parse(headerText) as DicomJson;
    this.#parsed.remember(id, header, record.defaultIssuer);
    this.#db.run('INSERT INTO receipt_texts VALUES (?, ?, ?, ?)', id, headerText, bulk, pixels);
    this.#db.run('INSERT INTO receipts VALUES (?, ?, ?, ?, ?, 0)', id, this.#tenantId, record.ulid, instance, JSON.stringify(record));
    return { id, record, header };
  }

  #redelivered(ulid: string, instance: number, series: SeriesState): ReceiptOutcome {
    const { version } = this.#db.get<InstanceRow>('SELECT version FROM instances WHERE id = ?', instance)!;
    return { ulid, outcome: 'redelivered', conflicts: [], studyVersion: series.study.row.version, instanceVersion: version };
  }

  #instancesWithUid(sopInstanceUid: string): readonly InstanceRow[] {
    return this.#db.all<InstanceRow>('SELECT * FROM instances WHERE sop_uid = ? AND tenant_id = ?', sopInstanceUid, this.#tenantId);
  }

  /** Derives the instance anew, writes its row and tells the aggregates. */
  #update(
    series: SeriesState,
    before: InstanceRow | undefined,
    id: number,
    receipts: readonly RecordWithId[],
    facts: readonly InstanceFact[],
  ): { derived: DerivedInstance; row: InstanceRow } {
    const records = receipts.map(({ record }) => record);
    const derived = deriveInstance(records, facts);
    const currentReceipt = receipts.find(({ record }) => record.ulid === derived.keptReceipts.at(-1))!.id;
    const attributes = this.#parsed.get(currentReceipt).byLevel.instance;
    const number = firstInteger(attributes, '00200013');
    const row: InstanceRow = {
      id,
      series: series.row.id,
      sop_uid: derived.document.sopInstanceUid,
      position: positionOf(number),
      instance_number: number ?? null,
      sop_class_uid: derived.current.sopClassUid,
      size_bytes: derived.current.sizeBytes,
      current: derived.current.ulid,
      current_receipt: currentReceipt,
      attributes: JSON.stringify(attributes),
      version: changeCount(records, facts),
    };
    this.#write(row);
    if (receipts.length > 1) this.#markDuplicates(derived, receipts);
    this.#aggregates.instanceChanged(series, before, row);
    return { derived, row };
  }

  #write(row: InstanceRow): void {
    this.#db.run(
      'INSERT OR REPLACE INTO instances VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      row.id,
      this.#tenantId,
      row.series,
      row.sop_uid,
      row.position,
      row.instance_number,
      row.sop_class_uid,
      row.size_bytes,
      row.current,
      row.current_receipt,
      row.attributes,
      row.version,
    );
  }

  /** A receipt that is not kept is a duplicate while its object exists; when that was collected, its texts go too. */
  #markDuplicates({ document, keptReceipts }: DerivedInstance, records: readonly RecordWithId[]): void {
    const located = new Set(
      document.versions.flatMap(({ receipts }) => receipts.filter(({ location }) => location).map(({ ulid }) => ulid)),
    );
    for (const { id, record } of records) {
      const duplicate = located.has(record.ulid) && !keptReceipts.includes(record.ulid);
      this.#db.run('UPDATE receipts SET duplicate = ? WHERE id = ?', duplicate ? 1 : 0, id);
      if (!located.has(record.ulid)) this.#db.run('DELETE FROM receipt_texts WHERE id = ?', id);
    }
  }

  /** Conflicts about an instance's content and its place that were not known before. */
  #instanceConflicts({ document }: DerivedInstance, instance: number, sameUid: readonly InstanceRow[]): readonly ConflictDocument[] {
    const elsewhere = sameUid.filter(({ id }) => id !== instance);
    const content = document.versions.length > 1 ? this.#replaceGroup(contentClaims(document)) : [];
    if (elsewhere.length === 0) return content;
    const places = elsewhere.map((row) => placeClaim(readInstance(this.#db, this.#tenantId, row).document));
    return [...content, ...this.#replaceGroup([placeClaim(document), ...places])];
  }

  #replaceGroup(claims: readonly Claim[]): readonly ConflictDocument[] {
    return this.#claims.replaceGroup(claims[0]!.group, conflictsOf(claims));
  }
}

/** Adds receipts in one transaction. */
export function recordReceipts(db: Database, tenantId: number, receipts: readonly InstanceReceipt[]): readonly ReceiptOutcome[] {
  return db.transaction(() => {
    const writer = new IndexWriter(db, tenantId);
    const outcomes = receipts.map((receipt) => writer.record(receipt));
    writer.flush();
    return outcomes;
  });
}

/** Applies facts in one transaction. */
export function applyFacts(db: Database, tenantId: number, facts: readonly JournalFact[]): void {
  db.transaction(() => {
    const writer = new IndexWriter(db, tenantId);
    for (const fact of facts) writer.apply(fact);
    writer.flush();
  });
}

function outcomeOf(record: ReceiptRecord, earlier: readonly RecordWithId[], facts: readonly InstanceFact[]): ReceiptOutcome['outcome'] {
  if (facts.some((fact) => fact.type === 'duplicate-collected' && fact.receipt === record.ulid)) return 'redelivered';
  if (earlier.length === 0) return 'new';
  const content = contentKey(record);
  if (earlier.some((other) => contentKey(other.record) === content)) return 'duplicate';
  return earlier.some((other) => other.record.sha256Elements === record.sha256Elements) ? 'same-elements' : 'new-version';
}
