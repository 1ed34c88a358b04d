import { hourOf, silentLogger, systemScope, ulidTimeMs } from '@cairn/core';
import type { Logger, Scope } from '@cairn/core';
import type { JournalFact, MetadataStore } from '@cairn/metadata-store';
import type { ObjectStore } from '@cairn/object-store';
import { landingKey } from '../ingest/landing-key.ts';
import { readJournal } from '../journal/read-journal.ts';
import type { Indexer } from './indexer.ts';
import { walkLanding } from './landing-walk.ts';
import { rescanInBatches } from './receipt-batches.ts';

const HOUR_MS = 3_600_000;
const WATERMARK = 'landing-watermark';

/** What a {@link LandingReconciler} works on. */
export interface ReconcilerPorts {
  objectStore: ObjectStore;
  metadataStore: MetadataStore;
  indexer: Indexer;
  logger?: Logger;
}

/** Settings of a {@link LandingReconciler}. */
export interface ReconcilerOptions {
  /** Tenants to look after, beside those that have studies. */
  tenants: readonly string[];
  /** An hour is closed only so long after its end. Default 6 h. */
  longestReceiveMs?: number;
  /** Milliseconds since 1970; for tests. */
  now?: () => number;
}

/** What a run found and mended. */
export interface ReconcileReport {
  /** Landing objects looked at. */
  examined: number;
  /** Receipts that the index lacked and now holds. */
  indexed: number;
  /** Objects that cannot be scanned; logged and passed over. */
  unreadable: number;
  orphansRemoved: number;
  factsApplied: number;
}

/**
 * Proves that the index holds every landing object and journal fact, and mends what it lacks: after a crash, a lost event, a
 * restored database. A durable mark names the last hour proved; it lies in the index, so a restored database rewinds it.
 */
export class LandingReconciler {
  readonly #ports: ReconcilerPorts;
  readonly #logger: Logger;
  readonly #tenants: readonly string[];
  readonly #longestReceiveMs: number;
  readonly #now: () => number;
  /** Keys of instances that a failed run may have indexed without telling the change feed. */
  readonly #untold = new Set<string>();

  constructor(ports: ReconcilerPorts, options: ReconcilerOptions) {
    this.#ports = ports;
    this.#logger = ports.logger ?? silentLogger;
    this.#tenants = options.tenants;
    this.#longestReceiveMs = options.longestReceiveMs ?? 6 * HOUR_MS;
    this.#now = options.now ?? Date.now;
  }

  /**
   * Looks at everything after the mark. Instances younger than `settleMs` are left out, for their events are still under way
   * (default 0: at start there are none). An outage of a store ends the run with its error, the mark unmoved.
   */
  async run(options: { settleMs?: number; signal?: AbortSignal } = {}): Promise<ReconcileReport> {
    const report: ReconcileReport = { examined: 0, indexed: 0, unreadable: 0, orphansRemoved: 0, factsApplied: 0 };
    const known = await this.#ports.metadataStore.tenants(systemScope('*'));
    for (const tenant of new Set([...this.#tenants, ...known])) await this.#runTenant(systemScope(tenant), report, options);
    this.#logger.info(report, 'index.reconciled');
    return report;
  }

  async #runTenant(scope: Scope, report: ReconcileReport, options: { settleMs?: number; signal?: AbortSignal }): Promise<void> {
    const startMs = this.#now();
    const mark = await this.#ports.metadataStore.getMark(scope, WATERMARK);
    // "0" sorts after "/": past every key of the marked hour, before those of the next.
    const afterIn = (area: string): string | undefined => (mark === undefined ? undefined : `${area}/${scope.tenant}/${mark}0`);
    for await (const { instances, orphans } of walkLanding(this.#ports.objectStore, scope, afterIn('landing'))) {
      options.signal?.throwIfAborted();
      const settled = instances.filter(({ ulid }) => ulidTimeMs(ulid) <= startMs - (options.settleMs ?? 0));
      await this.#indexMissing(scope, settled, report);
      for (const key of orphans) await this.#ports.objectStore.delete(scope, key);
      report.orphansRemoved += orphans.length;
    }
    await this.#applyJournal(scope, afterIn('journal'), report);
    const closed = hourOf(startMs - this.#longestReceiveMs - HOUR_MS);
    if (mark === undefined || closed > mark) await this.#ports.metadataStore.setMark(scope, WATERMARK, closed);
  }

  async #indexMissing(scope: Scope, instances: readonly { ulid: string; key: string }[], report: ReconcileReport): Promise<void> {
    const known = await this.#ports.metadataStore.knownReceipts(
      scope,
      instances.map(({ ulid }) => ulid),
    );
    const missing = instances.filter(({ ulid, key }) => !known.has(ulid) || this.#untold.has(key)).map(({ key }) => key);
    report.examined += instances.length;
    const counts = { scanned: 0, unreadable: 0 };
    for await (const receipts of rescanInBatches({ ...this.#ports, logger: this.#logger, counts }, scope, missing)) {
      const keys = receipts.map(({ ulid }) => landingKey(scope.tenant, ulid));
      for (const key of keys) this.#untold.add(key);
      await this.#ports.indexer.index(scope, receipts);
      for (const key of keys) this.#untold.delete(key);
    }
    report.indexed += counts.scanned;
    report.unreadable += counts.unreadable;
  }

  async #applyJournal(scope: Scope, after: string | undefined, report: ReconcileReport): Promise<void> {
    const { objectStore, metadataStore } = this.#ports;
    for await (const facts of readJournal(objectStore, scope, this.#logger, after === undefined ? {} : { after })) {
      for (const fact of facts) await this.#finish(scope, fact);
      await metadataStore.applyFacts(scope, facts);
      report.factsApplied += facts.length;
    }
  }

  /** Does again what was to follow the writing of a fact, in case a crash came between. */
  async #finish(scope: Scope, fact: JournalFact): Promise<void> {
    if (fact.type === 'duplicate-collected') await this.#ports.objectStore.delete(scope, landingKey(scope.tenant, fact.receipt));
  }
}
