import type { Scope } from '@cairn/core';
import type { Database } from './database.ts';
import { applyFacts, recordReceipts } from './index-writer.ts';
import type { JobsFile } from './jobs-file.ts';
import {
  readConflicts,
  readDuplicates,
  readExport,
  readInstanceDocument,
  readInstances,
  readKnownReceipts,
  readSeries,
  readStudy,
} from './read-documents.ts';
import { runQuery } from './query/run-query.ts';
import { createTextTable, textTable } from './schema.ts';
import type { OperationName, WorkerOperations } from './worker-protocol.ts';

/** Any of an operation's results, or a promise of it. */
type Handler<K extends OperationName> = (
  scope: Scope,
  args: Parameters<WorkerOperations[K]>,
  aborted: () => boolean,
) => ReturnType<WorkerOperations[K]> | Promise<ReturnType<WorkerOperations[K]>>;

/** What both workers do, by name. */
export type Handlers = { [K in OperationName]: Handler<K> };

/** Tables that hold rows of a tenant directly, and how to find those of the others. */
const CLEAR = [
  'DELETE FROM receipt_texts WHERE id IN (SELECT id FROM receipts WHERE tenant_id = ?)',
  'DELETE FROM study_attributes WHERE id IN (SELECT id FROM studies WHERE tenant_id = ?)',
  'DELETE FROM series WHERE study IN (SELECT id FROM studies WHERE tenant_id = ?)',
  ...['receipts', 'instances', 'studies', 'patients', 'study_tokens', 'facts', 'claims', 'conflicts', 'marks'].map(
    (table) => `DELETE FROM ${table} WHERE tenant_id = ?`,
  ),
];

/** The operations on an open index and the jobs beside it. */
export function createHandlers(db: Database, jobs: JobsFile): Handlers {
  const tenants = new Map<string, number>();
  const tenantId = (scope: Scope): number | undefined => {
    const known = tenants.get(scope.tenant);
    if (known !== undefined) return known;
    const id = db.get<{ id: number }>('SELECT id FROM tenants WHERE name = ?', scope.tenant)?.id;
    if (id !== undefined) tenants.set(scope.tenant, id);
    return id;
  };
  /** No study carries a label yet, so who may see only labelled ones sees none. */
  const visible = (scope: Scope): number | undefined => (scope.labels === undefined ? tenantId(scope) : undefined);
  const read = <T>(scope: Scope, work: (tenant: number) => T, nothing: T): T => {
    const tenant = visible(scope);
    return tenant === undefined ? nothing : db.snapshot(() => work(tenant));
  };
  const ensureTenant = (scope: Scope): number => tenantId(scope) ?? addTenant(db, scope.tenant);

  return {
    recordReceipts: (scope, [receipts]) => recordReceipts(db, ensureTenant(scope), receipts),
    applyFacts: (scope, [facts]) => applyFacts(db, ensureTenant(scope), facts),
    setMark: (scope, [name, value]) => {
      db.run('INSERT OR REPLACE INTO marks (tenant_id, name, value) VALUES (?, ?, ?)', ensureTenant(scope), name, value);
    },
    clear: (scope) => {
      const tenant = tenantId(scope);
      if (tenant !== undefined) clearTenant(db, tenant);
    },
    putJob: ({ tenant }, [job]) => jobs.put(tenant, job),
    claimJob: ({ tenant }, [type, nowMs, leaseMs]) => jobs.claim(tenant, type, nowMs, leaseMs),
    rescheduleJob: ({ tenant }, [job, dueMs]) => jobs.reschedule(tenant, job, dueMs),
    finishJob: ({ tenant }, [job]) => jobs.finish(tenant, job),
    knownReceipts: (scope, [ulids]) => read(scope, (tenant) => readKnownReceipts(db, tenant, ulids), []),
    query: (scope, [plan], aborted) => runQuery(db, visible(scope), plan, aborted),
    instances: (scope, [selector, parts, after]) =>
      read(scope, (tenant) => readInstances(db, tenant, selector, parts, after), { items: [] }),
    instance: (scope, [selector]) => read(scope, (tenant) => readInstanceDocument(db, tenant, selector), undefined),
    study: (scope, [study]) => read(scope, (tenant) => readStudy(db, tenant, study), undefined),
    series: (scope, [study, series]) => read(scope, (tenant) => readSeries(db, tenant, study, series), undefined),
    conflicts: (scope, [options]) => read(scope, (tenant) => readConflicts(db, tenant, options), []),
    duplicates: (scope, [limit]) => read(scope, (tenant) => readDuplicates(db, tenant, limit), []),
    getMark: (scope, [name]) =>
      read(
        scope,
        (tenant) => db.get<{ value: string }>('SELECT value FROM marks WHERE tenant_id = ? AND name = ?', tenant, name)?.value,
        undefined,
      ),
    tenants: () =>
      db
        .all<{ name: string }>('SELECT name FROM tenants WHERE EXISTS (SELECT 1 FROM studies WHERE tenant_id = tenants.id) ORDER BY name')
        .map(({ name }) => name),
    exportDocuments: (scope, [after]) => read(scope, (tenant) => readExport(db, tenant, after), { items: [] }),
    check: () => {
      db.get('SELECT 1 FROM tenants');
    },
  };
}

/** Runs one operation. */
export function call<K extends OperationName>(
  handlers: Handlers,
  operation: K,
  scope: Scope,
  args: Parameters<WorkerOperations[K]>,
  aborted: () => boolean,
): ReturnType<Handler<K>> {
  return handlers[operation](scope, args, aborted);
}

function addTenant(db: Database, name: string): number {
  return db.transaction(() => {
    const { id } = db.get<{ id: number }>('INSERT INTO tenants (name) VALUES (?) RETURNING id', name)!;
    createTextTable(db.connection, id);
    return id;
  });
}

function clearTenant(db: Database, tenant: number): void {
  db.transaction(() => {
    for (const sql of CLEAR) db.run(sql, tenant);
    db.connection.exec(`DROP TABLE ${textTable(tenant)}`);
    createTextTable(db.connection, tenant);
  });
}
