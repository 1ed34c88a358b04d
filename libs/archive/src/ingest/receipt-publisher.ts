import { failpoint, systemScope } from '@cairn/core';
import type { Logger } from '@cairn/core';
import type { EventBus, OutgoingEvent } from '@cairn/event-bus';
import type { InstanceReceipt } from '@cairn/metadata-store';
import type { ObjectStore } from '@cairn/object-store';
import { landingKey } from './landing-key.ts';
import { INGEST_TOPIC, INSTANCE_RECEIVED, encodeReceipt } from './receipt-codec.ts';

/** Events that wait for a bus that does not answer; what does not fit is found by the reconciler. */
const MAX_SPOOLED_BYTES = 32 * 1024 * 1024;
/** Characters of texts on their way to the bus; instances with headers of many MiB may come faster than they can be announced. */
const MAX_PENDING_CHARACTERS = 128 * 1024 * 1024;
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 10_000;

/** What a {@link ReceiptPublisher} works on. */
export interface ReceiptPublisherPorts {
  objectStore: ObjectStore;
  eventBus: EventBus;
  logger: Logger;
  /** Told of a receipt whose event was given up: only a reconciliation will index it. */
  onEventLost: () => void;
}

interface SpooledEvent {
  tenant: string;
  event: OutgoingEvent;
}

/**
 * Announces receipts to the indexer. Nobody waits for it: the instance is durable already. While the bus fails, events wait in a
 * bounded spool in memory; a full spool or a crash loses only time, for the reconciler finds instances that the index lacks.
 */
export class ReceiptPublisher {
  readonly #ports: ReceiptPublisherPorts;
  readonly #underWay = new Set<Promise<void>>();
  #pendingCharacters = 0;
  #spool: SpooledEvent[] = [];
  #spooledBytes = 0;
  #retrying: Promise<void> | undefined;
  #closed = false;
  #endPause: () => void = () => undefined;

  constructor(ports: ReceiptPublisherPorts) {
    this.#ports = ports;
  }

  /** Starts to publish; never fails. */
  publish(tenant: string, receipt: InstanceReceipt): void {
    const characters = receipt.header.length + receipt.bulk.length + (receipt.pixels?.length ?? 0);
    if (this.#pendingCharacters > MAX_PENDING_CHARACTERS) {
      this.#lose(receipt.ulid);
      return;
    }
    this.#pendingCharacters += characters;
    const work = this.#publish(tenant, receipt);
    this.#underWay.add(work);
    void work.finally(() => {
      this.#underWay.delete(work);
      this.#pendingCharacters -= characters;
    });
  }

  /** Waits for publications under way; what the bus does not take now is left to the reconciler. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#endPause();
    await Promise.all(this.#underWay);
    await this.#retrying;
  }

  async #publish(tenant: string, receipt: InstanceReceipt): Promise<void> {
    try {
      const event = await this.#encode(tenant, receipt);
      if (this.#spool.length > 0) this.#keep({ tenant, event });
      else await this.#send({ tenant, event });
    } catch (error) {
      this.#lose(receipt.ulid, error);
    }
  }

  /** The event of a receipt, once the parts that are too large for it are objects. */
  async #encode(tenant: string, receipt: InstanceReceipt): Promise<OutgoingEvent> {
    const { data, objects } = encodeReceipt(receipt);
    for (const { part, bytes } of objects) {
      await this.#ports.objectStore.put(systemScope(tenant), landingKey(tenant, receipt.ulid, part), once(bytes));
    }
    return { id: receipt.ulid, key: `${tenant}|${receipt.studyInstanceUid}`, type: INSTANCE_RECEIVED, data };
  }

  async #send({ tenant, event }: SpooledEvent): Promise<void> {
    try {
      await this.#ports.eventBus.publish(systemScope(tenant), INGEST_TOPIC, [event]);
      failpoint('ingest.after-publish');
    } catch (error) {
      this.#ports.logger.warn({ error }, 'ingest.bus-failed');
      this.#keep({ tenant, event });
    }
  }

  #keep(spooled: SpooledEvent): void {
    if (this.#closed || this.#spooledBytes + spooled.event.data.length > MAX_SPOOLED_BYTES) {
      this.#lose(spooled.event.id);
      return;
    }
    this.#spool.push(spooled);
    this.#spooledBytes += spooled.event.data.length;
    this.#retrying ??= this.#retry().finally(() => (this.#retrying = undefined));
  }

  async #retry(): Promise<void> {
    let pauseMs = FIRST_RETRY_MS;
    while (this.#spool.length > 0 && !this.#closed) {
      await this.#pause(pauseMs);
      const { tenant, event } = this.#spool[0]!;
      try {
        await this.#ports.eventBus.publish(systemScope(tenant), INGEST_TOPIC, [event]);
        this.#spool.shift();
        this.#spooledBytes -= event.data.length;
        pauseMs = 0;
      } catch {
        pauseMs = Math.min(MAX_RETRY_MS, Math.max(FIRST_RETRY_MS, pauseMs * 2));
      }
    }
    for (const { event } of this.#spool) this.#lose(event.id);
    this.#spool = [];
  }

  async #pause(timeMs: number): Promise<void> {
    if (timeMs === 0 || this.#closed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeMs);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #lose(ulid: string, error?: unknown): void {
    this.#ports.logger.warn({ ulid, error }, 'ingest.event-lost');
    this.#ports.onEventLost();
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
