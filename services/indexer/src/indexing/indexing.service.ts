import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { DuplicateCollector, Indexer, LandingReconciler } from '@cairn/archive';
import type { IndexObserver } from '@cairn/archive';
import { ALL_TENANTS, CairnError, systemScope, ulidTimeMs } from '@cairn/core';
import type { DeliveredEvent, EventFailure } from '@cairn/event-bus';
import type { ReadinessCheck } from '@cairn/platform-nest';
import type { Metrics } from '@cairn/telemetry';
import { INDEXER_CONFIG, INDEXER_PORTS } from '../indexer.tokens.ts';
import type { IndexerConfig, IndexerPorts } from '../indexer.tokens.ts';
import { RepeatedTask } from './repeated-task.ts';

/** Events younger than this are still on their way when a reconciliation runs beside the subscription. */
const SETTLE_MS = 10_000;
const START_RETRY_MS = 1000;

/**
 * Runs the indexer: takes events from the start on, and beside them reconciles until it succeeds once; from time to time reconciles again
 * and collects duplicates.
 */
@Injectable()
export class IndexingService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** Fails until the index was proved to hold everything stored before the start. */
  readonly readiness: ReadinessCheck = { name: 'reconciliation', check: () => this.#requireReconciled() };
  readonly #config: IndexerConfig;
  readonly #ports: IndexerPorts;
  readonly #indexer: Indexer;
  readonly #reconciler: LandingReconciler;
  readonly #collector: DuplicateCollector;
  readonly #tasks: { reconcile: RepeatedTask; collect: RepeatedTask };
  readonly #stop = new AbortController();
  #starting: Promise<void> | undefined;
  #reconciled = false;
  #soon: NodeJS.Timeout | undefined;

  constructor(@Inject(INDEXER_CONFIG) config: IndexerConfig, @Inject(INDEXER_PORTS) ports: IndexerPorts) {
    const { logger, metrics } = ports;
    this.#config = config;
    this.#ports = ports;
    this.#indexer = new Indexer({ ...ports, ...(metrics === undefined ? {} : { observer: observerOf(metrics) }) });
    this.#reconciler = new LandingReconciler({ ...ports, indexer: this.#indexer }, config);
    this.#collector = new DuplicateCollector(ports, { graceMs: config.duplicateGraceMs });
    this.#tasks = {
      reconcile: new RepeatedTask('reconcile', (signal) => this.#reconciler.run({ settleMs: SETTLE_MS, signal }), logger),
      collect: new RepeatedTask('collect', (signal) => this.#collect(signal), logger),
    };
  }

  /** Starts without waiting, so that the process can tell that it is not ready yet. */
  onApplicationBootstrap(): void {
    this.#starting = this.#start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#soon);
    await Promise.all([this.#tasks.reconcile.stop(), this.#tasks.collect.stop()]);
    await this.#starting;
  }

  /** Indexes a batch; returns the events that failed. */
  index(events: readonly DeliveredEvent[]): Promise<readonly EventFailure[]> {
    return this.#indexer.handle(events);
  }

  /** Asks for a reconciliation soon (an event was given up): as soon as what was received by now counts as settled. */
  reconcileSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.#tasks.reconcile.trigger();
    }, SETTLE_MS).unref();
  }

  async #requireReconciled(): Promise<void> {
    if (!this.#reconciled) {
      throw new CairnError('archive.busy', 'The index is being compared with the stored objects.', { retriable: true });
    }
  }

  async #start(): Promise<void> {
    while (!(await this.#reconcile())) {
      await delay(START_RETRY_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      if (this.#stop.signal.aborted) return;
    }
    this.#reconciled = true;
    this.#tasks.reconcile.start(this.#config.reconcileIntervalMs);
    this.#tasks.collect.start(this.#config.collectIntervalMs);
  }

  async #reconcile(): Promise<boolean> {
    try {
      await this.#reconciler.run({ signal: this.#stop.signal });
      return true;
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#ports.logger.error({ error }, 'indexer.reconcile-failed');
      return false;
    }
  }

  async #collect(signal: AbortSignal): Promise<void> {
    const known = await this.#ports.metadataStore.tenants(systemScope(ALL_TENANTS));
    for (const tenant of new Set([...this.#config.tenants, ...known])) await this.#collector.run(systemScope(tenant), signal);
  }
}

function observerOf(metrics: Metrics): IndexObserver {
  return {
    indexed: (receipt, outcome) => {
      metrics.receiptsIndexed.inc({ outcome: outcome.outcome });
      metrics.visibleSeconds.observe(Math.max(0, (Date.now() - ulidTimeMs(receipt.ulid)) / 1000));
      for (const { kind } of outcome.conflicts) metrics.conflicts.inc({ kind });
    },
  };
}
