import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, StatementSync } from 'node:sqlite';

/** Page cache of one connection in KiB (negative: KiB, not pages). */
const CACHE_SIZE = -32_768;
const BUSY_TIMEOUT_MS = 10_000;
const STATEMENTS_KEPT = 500;

/** `LIMIT` for a value: a bare `LIMIT ?` has its statement prepared anew at every run, since the planner looks at the value. */
export const LIMIT = 'LIMIT 0 + ?';

/** One connection with its prepared statements. Rows are typed by the caller, who wrote the SQL. */
export class Database {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /**
   * Opens the file in WAL mode. A commit is safe from the death of the process at once (the page cache outlives it) and reaches
   * the disk at the next checkpoint, in order: a power loss may take the last moments together with the reconciler's
   * watermark, and the reconciler finds them again in the object store. So no commit waits for the disk (synchronous NORMAL),
   * unless FULL is asked for.
   */
  constructor(file: string, readOnly: boolean, synchronous: 'NORMAL' | 'FULL' = 'NORMAL') {
    this.#db = new DatabaseSync(file, { readOnly, timeout: BUSY_TIMEOUT_MS });
    if (!readOnly) this.#db.exec('PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4096');
    this.#db.exec(`PRAGMA synchronous = ${synchronous}`);
    this.#db.exec(`PRAGMA cache_size = ${CACHE_SIZE}; PRAGMA temp_store = MEMORY`);
  }

  /** The connection itself, for schema changes. */
  get connection(): DatabaseSync {
    return this.#db;
  }

  get<T>(sql: string, ...values: SQLInputValue[]): T | undefined {
    return this.#prepare(sql).get(...values) as T | undefined;
  }

  all<T>(sql: string, ...values: SQLInputValue[]): T[] {
    return this.#prepare(sql).all(...values) as T[];
  }

  /** The number of rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...values).changes);
  }

  /** Runs `work` as one transaction: all or nothing. */
  transaction<T>(work: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  /** Runs `work`, which only reads, on one snapshot: taking one anew for every statement costs more than a small statement. */
  snapshot<T>(work: () => T): T {
    this.#db.exec('BEGIN');
    try {
      return work();
    } finally {
      if (this.#db.isTransaction) this.#db.exec('COMMIT');
    }
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    // Query statements vary with the number of their values: the oldest go first.
    const [oldest] = this.#statements.keys();
    if (oldest !== undefined && this.#statements.size >= STATEMENTS_KEPT) this.#statements.delete(oldest);
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}
