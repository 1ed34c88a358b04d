import { conflictsOf } from '../conflicts.ts';
import type { Claim } from '../conflicts.ts';
import type { ConflictDocument } from '../documents.ts';
import type { Database } from './database.ts';

interface ClaimRow {
  claim: string;
  ulid: string;
  kind: Claim['kind'];
  study_uid: string;
  series_uid: string | null;
}

/** Claims and the conflicts between them, for the length of one transaction. */
export class ClaimsTable {
  readonly #db: Database;
  readonly #tenantId: number;
  /** Smallest receipt of each claim met in this transaction. */
  readonly #met = new Map<string, string>();

  constructor(db: Database, tenantId: number) {
    this.#db = db;
    this.#tenantId = tenantId;
  }

  /** Adds a claim; gives the conflicts that were not known before. */
  add(claim: Claim): readonly ConflictDocument[] {
    const key = `${claim.group}\n${claim.claim}`;
    const met = this.#met.get(key) ?? this.#storedUlid(claim);
    if (met !== undefined && met <= claim.ulid) {
      this.#met.set(key, met);
      return [];
    }
    this.#met.set(key, claim.ulid);
    const earliest = this.#earliest(claim.group);
    this.#write(claim);
    if (earliest === undefined) return [];
    if (earliest.ulid < claim.ulid) return this.#store(claim.group, conflictsOf([earliest, claim]));
    return this.replaceGroup(claim.group, conflictsOf(this.#claimsOf(claim.group)));
  }

  /** Makes these the only conflicts of their group; gives those that were not known before. */
  replaceGroup(group: string, conflicts: readonly ConflictDocument[]): readonly ConflictDocument[] {
    const known = this.#db.all<{ id: string }>('SELECT id FROM conflicts WHERE tenant_id = ? AND claim_group = ?', this.#tenantId, group);
    const knownIds = new Set(known.map(({ id }) => id));
    if (knownIds.size > 0) this.#db.run('DELETE FROM conflicts WHERE tenant_id = ? AND claim_group = ?', this.#tenantId, group);
    this.#store(group, conflicts);
    return conflicts.filter(({ id }) => !knownIds.has(id));
  }

  #store(group: string, conflicts: readonly ConflictDocument[]): readonly ConflictDocument[] {
    return conflicts.filter((conflict) => {
      const known = this.#db.run('DELETE FROM conflicts WHERE tenant_id = ? AND id = ?', this.#tenantId, conflict.id) > 0;
      this.#db.run(
        'INSERT INTO conflicts (tenant_id, id, claim_group, ulid, document) VALUES (?, ?, ?, ?, ?)',
        this.#tenantId,
        conflict.id,
        group,
        conflict.receipts.at(-1)!,
        JSON.stringify(conflict),
      );
      return !known;
    });
  }

  #write({ group, claim, ulid, kind, studyInstanceUid, seriesInstanceUid }: Claim): void {
    const sql =
      'INSERT OR REPLACE INTO claims (tenant_id, claim_group, claim, ulid, kind, study_uid, series_uid) VALUES (?, ?, ?, ?, ?, ?, ?)';
    this.#db.run(sql, this.#tenantId, group, claim, ulid, kind, studyInstanceUid, seriesInstanceUid ?? null);
  }

  #storedUlid({ group, claim }: Claim): string | undefined {
    const sql = 'SELECT ulid FROM claims WHERE tenant_id = ? AND claim_group = ? AND claim = ?';
    return this.#db.get<ClaimRow>(sql, this.#tenantId, group, claim)?.ulid;
  }

  #earliest(group: string): Claim | undefined {
    const sql = 'SELECT * FROM claims WHERE tenant_id = ? AND claim_group = ? ORDER BY ulid LIMIT 1';
    const row = this.#db.get<ClaimRow>(sql, this.#tenantId, group);
    return row && claimOf(group, row);
  }

  #claimsOf(group: string): readonly Claim[] {
    const sql = 'SELECT * FROM claims WHERE tenant_id = ? AND claim_group = ?';
    return this.#db.all<ClaimRow>(sql, this.#tenantId, group).map((row) => claimOf(group, row));
  }
}

function claimOf(group: string, { claim, ulid, kind, study_uid, series_uid }: ClaimRow): Claim {
  return { kind, group, claim, ulid, studyInstanceUid: study_uid, ...(series_uid !== null && { seriesInstanceUid: series_uid }) };
}
