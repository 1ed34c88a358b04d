import type { Kafka, RetryOptions } from 'kafkajs';
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
import { toMessage } from './cloud-event.ts';
import { DeadLetters } from './dead-letters.ts';
import { GroupOffsets } from './group-offsets.ts';
import { createClient, retryOptions } from './kafka-client.ts';
import type { KafkaConnection } from './kafka-client.ts';
import { KafkaPublisher } from './kafka-publisher.ts';
import { KafkaSubscription } from './kafka-subscription.ts';
import { KafkaNames } from './names.ts';

const MAX_DATA_BYTES = 1024 * 1024;

/** How a bus on Kafka is opened. */
export interface KafkaEventBusOptions extends KafkaConnection {
  /** Before the names of topics and groups. Default `cairn.`. */
  prefix?: string;
  /** `ce_source` of what is published, a URI reference. Default `/cairn`. */
  source?: string;
  observer?: EventBusObserver;
}

/**
 * The bus of many processes, on topics that `ensureTopics` made. Connects when first used and again after every outage.
 *
 * @example
 * await ensureTopics({ brokers: ['127.0.0.1:9092'] }, [{ name: 'ingest.v1' }]);
 * const bus = new KafkaEventBus({ brokers: ['127.0.0.1:9092'] });
 * await bus.subscribe(systemScope(ALL_TENANTS), 'ingest.v1', 'indexer', async (events) => []);
 */
export class KafkaEventBus implements EventBus {
  readonly supports: EventBusSupports = { durableOnPublish: true, keepsCommitted: true };
  readonly #client: Kafka;
  readonly #retry: RetryOptions;
  readonly #logger: Logger;
  readonly #observer: EventBusObserver;
  readonly #names: KafkaNames;
  readonly #source: string;
  readonly #publisher: KafkaPublisher;
  readonly #offsets: GroupOffsets;
  readonly #deadLetters: DeadLetters;
  /** By topic and group; undefined while it is being opened. */
  readonly #subscriptions = new Map<string, KafkaSubscription | undefined>();
  #closed = false;

  constructor(options: KafkaEventBusOptions) {
    this.#client = createClient(options);
    this.#retry = retryOptions(options);
    this.#logger = options.logger ?? silentLogger;
    this.#observer = options.observer ?? {};
    this.#names = new KafkaNames(options.prefix);
    this.#source = options.source ?? '/cairn';
    this.#publisher = new KafkaPublisher(this.#client, this.#logger);
    this.#offsets = new GroupOffsets(this.#client);
    this.#deadLetters = new DeadLetters({
      client: this.#client,
      names: this.#names,
      publisher: this.#publisher,
      offsets: this.#offsets,
      source: this.#source,
    });
  }

  async publish({ tenant }: Scope, topic: string, events: readonly OutgoingEvent[]): Promise<void> {
    this.#requireOpen();
    if (events.length === 0) return;
    const context = { tenant, source: this.#source, publishedMs: Date.now() };
    const messages = events.map((event) => {
      if (event.data.length * 3 > MAX_DATA_BYTES && Buffer.byteLength(event.data) > MAX_DATA_BYTES) {
        throw new CairnError('internal.unexpected', 'An event holds at most 1 MiB.');
      }
      return { topic: this.#names.topic(topic), message: toMessage(event, context) };
    });
    await this.#publisher.publish(messages);
  }

  async subscribe(
    { tenant }: Scope,
    topic: string,
    group: string,
    handler: EventHandler,
    options: SubscribeOptions = {},
  ): Promise<Subscription> {
    this.#requireOpen();
    const groupId = this.#names.group(tenant, group);
    const name = `${topic} ${groupId}`;
    if (this.#subscriptions.has(name)) throw new CairnError('internal.unexpected', 'The group is subscribed already.');
    this.#subscriptions.set(name, undefined);
    try {
      const subscription = await this.#open({ tenant, topic, group }, handler, options);
      if (this.#closed) await subscription.close();
      this.#requireOpen();
      this.#subscriptions.set(name, subscription);
      return {
        pause: () => subscription.pause(),
        resume: () => subscription.resume(),
        close: async () => {
          await subscription.close();
          this.#subscriptions.delete(name);
        },
      };
    } catch (error) {
      this.#subscriptions.delete(name);
      throw error;
    }
  }

  async lag({ tenant }: Scope, topic: string, group: string): Promise<number> {
    this.#requireOpen();
    return this.#offsets.lag(this.#names.topic(topic), this.#names.group(tenant, group));
  }

  async deadLetters({ tenant }: Scope, topic: string, group: string): Promise<readonly DeadLetter[]> {
    this.#requireOpen();
    return this.#deadLetters.list({ topic, groupId: this.#names.group(tenant, group) }, group);
  }

  async replay({ tenant }: Scope, topic: string, group: string, id: string): Promise<boolean> {
    this.#requireOpen();
    return this.#deadLetters.replay({ topic, groupId: this.#names.group(tenant, group) }, id);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#subscriptions.values()].map(async (subscription) => subscription?.close()));
    this.#subscriptions.clear();
    await this.#publisher.close();
    await this.#offsets.close();
  }

  #open(
    { tenant, topic, group }: { tenant: string; topic: string; group: string },
    handler: EventHandler,
    options: SubscribeOptions,
  ): Promise<KafkaSubscription> {
    const groupId = this.#names.group(tenant, group);
    const queue = {
      topic,
      handler,
      options: { ...DEFAULT_SUBSCRIBE_OPTIONS, ...options },
      logger: this.#logger,
      bury: async (event: DeliveredEvent, reason: string) => {
        await this.#deadLetters.bury({ topic, groupId }, event, reason);
        this.#observer.buried?.(topic, group);
      },
    };
    const context = { client: this.#client, offsets: this.#offsets, retry: this.#retry, logger: this.#logger };
    return KafkaSubscription.open({ ...context, topic: this.#names.topic(topic), groupId, tenant, queue });
  }

  #requireOpen(): void {
    if (this.#closed) throw new CairnError('event-bus.unavailable', 'The event bus is closed.', { retriable: true });
  }
}
