import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CairnError, silentLogger } from '@cairn/core';
import type { Logger, Scope } from '@cairn/core';
import { DEFAULT_SUBSCRIBE_OPTIONS } from '../delivery/delivery-queue.ts';
import type {
  DeadLetter,
  DeliveredEvent,
  EventBus,
  EventBusObserver,
  EventBusSupports,
  EventHandler,
  OutgoingEvent,
  SubscribeOptions,
  Subscription,
} from '../event-bus.ts';
import { Delivery } from './delivery.ts';
import { EventLogClient } from './event-log-client.ts';
import type { Subscriber } from './event-log.ts';
import { Publisher } from './publisher.ts';

const MAX_DATA_BYTES = 1024 * 1024;

/** How a bus is opened. */
export interface SqliteEventBusOptions {
  /** Database file of the log; made when absent. One process at a time. */
  file: string;
  logger?: Logger;
  observer?: EventBusObserver;
}

/**
 * The bus of one process: events go to a SQLite log in a worker thread and, to subscribers that keep up, straight from memory.
 * What all groups of a topic have committed is dropped from the log.
 *
 * @example
 * const bus = await SqliteEventBus.open({ file: './data/events.sqlite' });
 * await bus.subscribe(systemScope(ALL_TENANTS), 'ingest.v1', 'indexer', async (events) => []);
 */
export class SqliteEventBus implements EventBus {
  readonly supports: EventBusSupports = { durableOnPublish: true, keepsCommitted: false };
  readonly #log: EventLogClient;
  readonly #logger: Logger;
  readonly #observer: EventBusObserver;
  readonly #publisher: Publisher;
  readonly #deliveries = new Set<Delivery>();
  #closed = false;

  private constructor(log: EventLogClient, { logger = silentLogger, observer = {} }: SqliteEventBusOptions) {
    this.#log = log;
    this.#logger = logger;
    this.#observer = observer;
    this.#publisher = new Publisher(log, (topic, events) => this.#offer(topic, events));
  }

  /** Opens the log. Not possible → `event-bus.unavailable`. */
  static async open(options: SqliteEventBusOptions): Promise<SqliteEventBus> {
    await mkdir(dirname(options.file), { recursive: true });
    return new SqliteEventBus(await EventLogClient.open(options.file), options);
  }

  async publish(scope: Scope, topic: string, events: readonly OutgoingEvent[]): Promise<void> {
    this.#requireOpen();
    if (events.length === 0) return;
    const publishedMs = Date.now();
    const appended = events.map((event) => {
      if (event.data.length * 3 > MAX_DATA_BYTES && Buffer.byteLength(event.data) > MAX_DATA_BYTES) {
        throw new CairnError('internal.unexpected', 'An event holds at most 1 MiB.');
      }
      return { ...event, topic, tenant: scope.tenant, publishedMs };
    });
    await this.#publisher.publish(appended);
  }

  async subscribe(
    scope: Scope,
    topic: string,
    group: string,
    handler: EventHandler,
    options: SubscribeOptions = {},
  ): Promise<Subscription> {
    this.#requireOpen();
    const subscriber = { topic, tenant: scope.tenant, group };
    if (this.#deliveryOf(subscriber) !== undefined) throw new CairnError('internal.unexpected', 'The group is subscribed already.');
    const committed = await this.#log.call('register', subscriber);
    const context = {
      log: this.#log,
      subscriber,
      handler,
      options: { ...DEFAULT_SUBSCRIBE_OPTIONS, ...options },
      logger: this.#logger,
      observer: this.#observer,
    };
    const delivery = new Delivery(context, committed);
    this.#deliveries.add(delivery);
    return {
      pause: () => delivery.pause(),
      resume: () => delivery.resume(),
      close: async () => {
        await delivery.close();
        this.#deliveries.delete(delivery);
      },
    };
  }

  async lag(scope: Scope, topic: string, group: string): Promise<number> {
    this.#requireOpen();
    const subscriber = { topic, tenant: scope.tenant, group };
    await this.#deliveryOf(subscriber)?.flush();
    return this.#log.call('lag', subscriber);
  }

  async deadLetters(scope: Scope, topic: string, group: string): Promise<readonly DeadLetter[]> {
    this.#requireOpen();
    return this.#log.call('deadLetters', { topic, tenant: scope.tenant, group });
  }

  async replay(scope: Scope, topic: string, group: string, id: string): Promise<boolean> {
    this.#requireOpen();
    const subscriber = { topic, tenant: scope.tenant, group };
    const event = await this.#log.call('replay', subscriber, id);
    if (event !== undefined) this.#deliveryOf(subscriber)?.offer([event]);
    return event !== undefined;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#publisher.idle();
    await Promise.all([...this.#deliveries].map((delivery) => delivery.close()));
    this.#deliveries.clear();
    await this.#log.close();
  }

  #offer(topic: string, events: readonly DeliveredEvent[]): void {
    for (const delivery of this.#deliveries) if (delivery.subscriber.topic === topic) delivery.offer(events);
  }

  #deliveryOf({ topic, tenant, group }: Subscriber): Delivery | undefined {
    for (const delivery of this.#deliveries) {
      const { subscriber } = delivery;
      if (subscriber.topic === topic && subscriber.tenant === tenant && subscriber.group === group) return delivery;
    }
    return undefined;
  }

  #requireOpen(): void {
    if (this.#closed) throw new CairnError('event-bus.unavailable', 'The event bus is closed.', { retriable: true });
  }
}
