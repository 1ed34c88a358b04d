import { randomUUID } from 'node:crypto';
import type { ClaimedJob, NewJob } from '../jobs.ts';
import { Database } from './database.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS jobs (
    tenant TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, payload TEXT NOT NULL, due INTEGER NOT NULL, token TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
  ) STRICT, WITHOUT ROWID;
  -- The job of a type that is due the longest.
  CREATE INDEX IF NOT EXISTS jobs_due ON jobs (tenant, type, due);
`;

/** The file of jobs beside that of the index, so that the index can be made anew without it; each commit waits for the disk. */
export class JobsFile {
  readonly #file: string;
  #opened: Database | undefined;

  /** Opened, and made when missing, by the first operation. */
  constructor(file: string) {
    this.#file = file;
  }

  put(tenant: string, { id, type, payload, dueMs }: NewJob): string {
    this.#db.run(
      `INSERT INTO jobs (tenant, id, type, payload, due, token) VALUES (?, ?, ?, ?, ?, '') ON CONFLICT DO NOTHING`,
      tenant,
      id,
      type,
      payload,
      dueMs,
    );
    return this.#db.get<{ payload: string }>('SELECT payload FROM jobs WHERE tenant = ? AND id = ?', tenant, id)!.payload;
  }

  /** Reads first: most calls find nothing, and only a find costs a commit. */
  claim(tenant: string, type: string, nowMs: number, leaseMs: number): ClaimedJob | undefined {
    const sql = 'SELECT id, type, payload FROM jobs WHERE tenant = ? AND type = ? AND due <= ? ORDER BY due LIMIT 1';
    const job = this.#db.get<Omit<ClaimedJob, 'token'>>(sql, tenant, type, nowMs);
    if (job === undefined) return undefined;
    const token = randomUUID();
    this.#db.run('UPDATE jobs SET due = ?, token = ? WHERE tenant = ? AND id = ?', nowMs + leaseMs, token, tenant, job.id);
    return { ...job, token };
  }

  reschedule(tenant: string, { id, token, payload }: ClaimedJob, dueMs: number): boolean {
    const sql = 'UPDATE jobs SET due = ?, payload = ? WHERE tenant = ? AND id = ? AND token = ?';
    return this.#db.run(sql, dueMs, payload, tenant, id, token) > 0;
  }

  finish(tenant: string, { id, token }: ClaimedJob): boolean {
    return this.#db.run('DELETE FROM jobs WHERE tenant = ? AND id = ? AND token = ?', tenant, id, token) > 0;
  }

  close(): void {
    this.#opened?.close();
  }

  get #db(): Database {
    if (this.#opened !== undefined) return this.#opened;
    const db = new Database(this.#file, false, 'FULL');
    db.connection.exec(SCHEMA);
    return (this.#opened = db);
  }
}
