import { CairnError, failpoint, silentLogger, systemScope } from '@cairn/core';
import type { Logger, Scope } from '@cairn/core';
import type { DeliveredEvent, EventBus, EventFailure } from '@cairn/event-bus';
import type { InstanceReceipt, MetadataStore, ReceiptOutcome } from '@cairn/metadata-store';
import type { ObjectStore } from '@cairn/object-store';
import { landingKey } from '../ingest/landing-key.ts';
import { decodeReceipt } from '../ingest/receipt-codec.ts';
import { rescan } from '../ingest/rescan.ts';
import { INSTANCE_TOPIC, STUDY_TOPIC, instanceEvents, studyEvents } from './change-feed.ts';

/** Characters of receipts held at a time: a batch of instances with large headers is indexed in several steps. */
const MAX_CHARACTERS = 16 * 1024 * 1024;

/** What an {@link Indexer} works on. */
export interface IndexerPorts {
  objectStore: ObjectStore;
  metadataStore: MetadataStore;
  eventBus: EventBus;
  logger?: Logger;
  observer?: IndexObserver;
}

/** Told what the index takes; for metrics. */
export interface IndexObserver {
  indexed?(receipt: InstanceReceipt, outcome: ReceiptOutcome): void;
}

/** A receipt as it came off the bus, with the event to blame for it. */
interface Decoded {
  event: DeliveredEvent;
  receipt: InstanceReceipt;
}

/**
 * Brings receipts into the index and tells the change feed. Idempotent: an event delivered again, or an instance found by the
 * reconciler as well, changes nothing.
 */
export class Indexer {
  readonly #ports: IndexerPorts;
  readonly #logger: Logger;

  constructor(ports: IndexerPorts) {
    this.#ports = ports;
    this.#logger = ports.logger ?? silentLogger;
  }

  /** Handler of `ingest.v1`. An outage is reported as retriable for all events it hit; an event that can never be indexed as not. */
  async handle(events: readonly DeliveredEvent[]): Promise<readonly EventFailure[]> {
    const failures: EventFailure[] = [];
    let decoded: Decoded[] = [];
    let characters = 0;
    for (const event of events) {
      try {
        const receipt = await this.#decode(event);
        decoded.push({ event, receipt });
        characters += receipt.header.length + receipt.bulk.length + (receipt.pixels?.length ?? 0);
      } catch (error) {
        failures.push(failureOf(event, error));
      }
      if (characters < MAX_CHARACTERS) continue;
      failures.push(...(await this.#indexDecoded(decoded)));
      decoded = [];
      characters = 0;
    }
    failures.push(...(await this.#indexDecoded(decoded)));
    return failures;
  }

  /** Records receipts of one tenant, then publishes what changed; resolves when both are done. */
  async index(scope: Scope, receipts: readonly InstanceReceipt[]): Promise<readonly ReceiptOutcome[]> {
    failpoint('indexer.before-record');
    const outcomes = await this.#ports.metadataStore.recordReceipts(scope, receipts);
    failpoint('indexer.after-record');
    const indexed = receipts.map((receipt, index) => ({ receipt, outcome: outcomes[index]! }));
    // A redelivery is announced too: the crash that caused it may have come between recording and announcing.
    await Promise.all([
      this.#ports.eventBus.publish(scope, INSTANCE_TOPIC, instanceEvents(scope.tenant, indexed)),
      this.#ports.eventBus.publish(scope, STUDY_TOPIC, studyEvents(scope.tenant, indexed)),
    ]);
    for (const { receipt, outcome } of indexed) {
      this.#ports.observer?.indexed?.(receipt, outcome);
      for (const { kind } of outcome.conflicts) this.#logger.warn({ kind, receipt: receipt.ulid }, 'index.conflict');
    }
    return outcomes;
  }

  async #indexDecoded(decoded: readonly Decoded[]): Promise<readonly EventFailure[]> {
    const failures: EventFailure[] = [];
    for (const [tenant, ofTenant] of Map.groupBy(decoded, ({ event }) => event.tenant)) {
      failures.push(...(await this.#indexOfTenant(systemScope(tenant), ofTenant)));
    }
    return failures;
  }

  async #indexOfTenant(scope: Scope, decoded: readonly Decoded[]): Promise<readonly EventFailure[]> {
    try {
      await this.index(
        scope,
        decoded.map(({ receipt }) => receipt),
      );
      return [];
    } catch (error) {
      if (isOutage(error)) return decoded.map(({ event }) => failureOf(event, error));
      if (decoded.length === 1) return [failureOf(decoded[0]!.event, error)];
      // One of them is at fault: each on its own, so that the others get in.
      const failures: EventFailure[] = [];
      for (const one of decoded) failures.push(...(await this.#indexOfTenant(scope, [one])));
      return failures;
    }
  }

  async #decode(event: DeliveredEvent): Promise<InstanceReceipt> {
    const scope = systemScope(event.tenant);
    try {
      return await decodeReceipt(event.data, async (receipt, part) => {
        const { chunks } = await this.#ports.objectStore.get(scope, landingKey(event.tenant, receipt.ulid, part));
        const pieces: Uint8Array[] = [];
        for await (const chunk of chunks) pieces.push(chunk);
        return Buffer.concat(pieces);
      });
    } catch (error) {
      if (!CairnError.is(error, 'object-store.not-found')) throw error;
      // The part went with its instance, or never came to be: only the instance itself can tell.
      const receipt = await rescan(this.#ports.objectStore, scope, landingKey(event.tenant, event.id));
      if (receipt === undefined) throw error;
      return receipt;
    }
  }
}

/** True when a store or the bus does not answer, closed ones included: the event itself is not at fault. */
function isOutage(error: unknown): boolean {
  return CairnError.is(error) && (error.retriable || error.code.endsWith('.unavailable'));
}

/** Only our own messages are known to hold no patient data. */
function failureOf(event: DeliveredEvent, error: unknown): EventFailure {
  const reason = CairnError.is(error) ? `${error.code}: ${error.message}` : 'internal.unexpected';
  return { id: event.id, reason, retriable: isOutage(error) };
}
