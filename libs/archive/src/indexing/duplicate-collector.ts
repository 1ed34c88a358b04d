import { createHash } from 'node:crypto';
import { CairnError, failpoint, recycleChunk, silentLogger, ulidTimeMs } from '@cairn/core';
import type { Logger, Scope } from '@cairn/core';
import type { InstanceVersion, MetadataStore } from '@cairn/metadata-store';
import type { ObjectStore } from '@cairn/object-store';
import { landingKey } from '../ingest/landing-key.ts';
import type { JournalWriter } from '../journal/journal-writer.ts';

const PAGE = 100;
/** A run that finds so many kept objects damaged ends: somebody has to look at the store first. */
const MAX_KEPT = 1000;
const DAY_MS = 86_400_000;

/** What a {@link DuplicateCollector} works on. */
export interface CollectorPorts {
  objectStore: ObjectStore;
  metadataStore: MetadataStore;
  journal: JournalWriter;
  logger?: Logger;
}

/** Settings of a {@link DuplicateCollector}. */
export interface CollectorOptions {
  /** Age at which a duplicate may go: longer than the longest retrieve. Default 24 h. */
  graceMs?: number;
  /** Milliseconds since 1970; for tests. */
  now?: () => number;
}

/** What a run did. */
export interface CollectReport {
  removed: number;
  /** Duplicates left alone because the kept object could not be read back as received. */
  kept: number;
}

/**
 * Removes the objects of instances that were received more than once, one object staying: it is read back and its digest
 * compared before the fact is written, the object deleted, and the index told, in this order.
 */
export class DuplicateCollector {
  readonly #ports: CollectorPorts;
  readonly #logger: Logger;
  readonly #graceMs: number;
  readonly #now: () => number;

  constructor(ports: CollectorPorts, options: CollectorOptions = {}) {
    this.#ports = ports;
    this.#logger = ports.logger ?? silentLogger;
    this.#graceMs = options.graceMs ?? DAY_MS;
    this.#now = options.now ?? Date.now;
  }

  /** Collects what is old enough; an outage of a store ends the run with its error, and the next one goes on. */
  async run(scope: Scope, signal?: AbortSignal): Promise<CollectReport> {
    const report: CollectReport = { removed: 0, kept: 0 };
    for (;;) {
      signal?.throwIfAborted();
      const duplicates = await this.#ports.metadataStore.duplicates(scope, PAGE + report.kept);
      const due = duplicates.slice(report.kept).filter(({ duplicate }) => ulidTimeMs(duplicate.ulid) <= this.#now() - this.#graceMs);
      if (due.length === 0 || report.kept >= MAX_KEPT) return report;
      for (const { instance, version, duplicate } of due) {
        if (await this.#isIntact(scope, version)) {
          await this.#collect(scope, { instance, version, receipt: duplicate.ulid });
          report.removed += 1;
        } else report.kept += 1;
      }
    }
  }

  async #collect(
    scope: Scope,
    { instance, version, receipt }: { instance: Duplicate['instance']; version: InstanceVersion; receipt: string },
  ): Promise<void> {
    const { sha256DataSet, transferSyntaxUid, source } = version;
    const receivedFrom = version.receipts.find(({ ulid }) => ulid === receipt)?.source ?? source;
    const receipts = version.receipts.map(({ ulid }) => ulid);
    const fact = await this.#ports.journal.write(
      scope,
      { type: 'duplicate-collected', instance, sha256DataSet, transferSyntaxUid, receipt, source: receivedFrom },
      receipts,
    );
    failpoint('duplicates.after-journal');
    for (const part of ['dcm', 'frames', 'header'] as const) {
      await this.#ports.objectStore.delete(scope, landingKey(scope.tenant, receipt, part));
    }
    failpoint('duplicates.after-delete');
    await this.#ports.metadataStore.applyFacts(scope, [fact]);
  }

  /** Reads the kept object back: the data set must have the digest by which the two were found equal. */
  async #isIntact(scope: Scope, version: InstanceVersion): Promise<boolean> {
    const { key, offset, length } = version.location;
    try {
      const hash = createHash('sha256');
      const { chunks } = await this.#ports.objectStore.get(scope, key, { start: offset + version.dataSetOffset, end: offset + length });
      for await (const chunk of chunks) {
        hash.update(chunk);
        recycleChunk(chunk);
      }
      if (hash.digest('hex') === version.sha256DataSet) return true;
    } catch (error) {
      if (CairnError.is(error) && error.retriable) throw error;
    }
    this.#logger.error({ key }, 'index.kept-object-damaged');
    return false;
  }
}

type Duplicate = Awaited<ReturnType<MetadataStore['duplicates']>>[number];
