import { failpoint, systemScope } from '@cairn/core';
import type { Logger } from '@cairn/core';
import type { EventBus, OutgoingEvent } from '@cairn/event-bus';
import type { InstanceReceipt } from '@cairn/metadata-store';
import type { ObjectStore } from '@cairn/object-store';
import { currentTraceparent, traced } from '@cairn/telemetry';
import { EventSpool } from './event-spool.ts';
import { landingKey } from './landing-key.ts';
import { INGEST_TOPIC, INSTANCE_RECEIVED, encodeReceipt } from './receipt-codec.ts';

/** Characters of texts on their way to the bus; instances with headers of many MiB may come faster than they can be announced. */
const MAX_PENDING_CHARACTERS = 128 * 1024 * 1024;

/** What a {@link ReceiptPublisher} works on. */
export interface ReceiptPublisherPorts {
  objectStore: ObjectStore;
  eventBus: EventBus;
  logger: Logger;
  /** Told of a receipt whose event was given up: only a reconciliation will index it. */
  onEventLost: () => void;
}

/**
 * Announces receipts to the indexer. Nobody waits for it: the instance is durable already. While the bus fails, events wait in a
 * bounded spool in memory; a full spool or a crash loses only time, for the reconciler finds instances that the index lacks.
 */
export class ReceiptPublisher {
  readonly #ports: ReceiptPublisherPorts;
  readonly #underWay = new Set<Promise<void>>();
  readonly #spool: EventSpool;
  #pendingCharacters = 0;

  constructor(ports: ReceiptPublisherPorts) {
    this.#ports = ports;
    this.#spool = new EventSpool({
      publish: (tenant, events) => ports.eventBus.publish(systemScope(tenant), INGEST_TOPIC, events),
      lost: (ulid, error) => this.#lose(ulid, error),
    });
  }

  /** Events that the bus has not taken yet. */
  get waiting(): number {
    return this.#underWay.size + this.#spool.length;
  }

  /** Starts to publish; never fails. */
  publish(tenant: string, receipt: InstanceReceipt): void {
    const characters = receipt.header.length + receipt.bulk.length + (receipt.pixels?.length ?? 0);
    if (this.#pendingCharacters > MAX_PENDING_CHARACTERS) {
      this.#lose(receipt.ulid);
      return;
    }
    this.#pendingCharacters += characters;
    const work = traced(`publish ${INGEST_TOPIC}`, { kind: 'producer' }, () => this.#publish(tenant, receipt));
    this.#underWay.add(work);
    void work.finally(() => {
      this.#underWay.delete(work);
      this.#pendingCharacters -= characters;
    });
  }

  /** Waits for publications under way, then offers the bus the rest once more; what it does not take now is left to the reconciler. */
  async close(): Promise<void> {
    await Promise.all(this.#underWay);
    await this.#spool.close();
  }

  async #publish(tenant: string, receipt: InstanceReceipt): Promise<void> {
    try {
      const event = await this.#encode(tenant, receipt);
      if (this.#spool.length > 0) this.#spool.keep({ tenant, event });
      else await this.#send(tenant, event);
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
    const traceparent = currentTraceparent();
    return {
      id: receipt.ulid,
      key: `${tenant}|${receipt.studyInstanceUid}`,
      type: INSTANCE_RECEIVED,
      data,
      ...(traceparent === undefined ? {} : { traceparent }),
    };
  }

  async #send(tenant: string, event: OutgoingEvent): Promise<void> {
    try {
      await this.#ports.eventBus.publish(systemScope(tenant), INGEST_TOPIC, [event]);
      failpoint('ingest.after-publish');
    } catch (error) {
      this.#ports.logger.warn({ error }, 'ingest.bus-failed');
      this.#spool.keep({ tenant, event });
    }
  }

  #lose(ulid: string, error?: unknown): void {
    this.#ports.logger.warn({ ulid, error }, 'ingest.event-lost');
    this.#ports.onEventLost();
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
