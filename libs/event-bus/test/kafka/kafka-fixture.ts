import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import type { Kafka, KafkaMessage, Message } from 'kafkajs';
import { KafkaEventBus, ensureTopics } from '@cairn/event-bus/kafka';
import type { KafkaEventBusOptions, TopicSettings } from '@cairn/event-bus/kafka';
import type { DeliveredEvent, EventHandler, OutgoingEvent } from '@cairn/event-bus';

export const TOPIC = 'ingest.v1';

/** Topics of a test's own on shared brokers, and buses on them that are closed with it. */
export class KafkaFixture {
  readonly options: KafkaEventBusOptions & { prefix: string };
  readonly client: Kafka;
  readonly #buses: KafkaEventBus[] = [];

  private constructor(address: string) {
    const brokers = address.split(',');
    this.options = { brokers, prefix: `${randomUUID()}.` };
    this.client = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING });
  }

  static async create(address: string, topic: Partial<TopicSettings> = {}): Promise<KafkaFixture> {
    const fixture = new KafkaFixture(address);
    await ensureTopics(fixture.options, [{ name: TOPIC, partitions: 3, ...topic }]);
    return fixture;
  }

  /** The topic's name on the brokers. */
  get topic(): string {
    return `${this.options.prefix}${TOPIC}`;
  }

  bus(options: Partial<KafkaEventBusOptions> = {}): KafkaEventBus {
    const bus = new KafkaEventBus({ ...this.options, ...options });
    this.#buses.push(bus);
    return bus;
  }

  /** Makes a topic with these settings and the brokers' own for the rest. */
  async createTopic(name: string, settings: Readonly<Record<string, string>>): Promise<void> {
    const admin = this.client.admin();
    await admin.connect();
    const configEntries = Object.entries(settings).map(([key, value]) => ({ name: key, value }));
    await admin.createTopics({ topics: [{ topic: `${this.options.prefix}${name}`, numPartitions: 1, configEntries }] });
    await admin.disconnect();
  }

  /** Sends messages that no bus made. */
  async send(messages: Message[]): Promise<void> {
    const producer = this.client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    await producer.send({ topic: this.topic, messages });
    await producer.disconnect();
  }

  /** The first messages of a topic, as they are on the wire. */
  async read(topic: string, count: number): Promise<KafkaMessage[]> {
    const consumer = this.client.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 100 });
    const messages: KafkaMessage[] = [];
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ autoCommit: false, eachMessage: async ({ message }) => void messages.push(message) });
    await until(() => messages.length >= count);
    await consumer.disconnect();
    return messages;
  }

  async close(): Promise<void> {
    await Promise.all(this.#buses.map((bus) => bus.close()));
    const admin = this.client.admin();
    await admin.connect();
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(this.options.prefix));
    await admin.deleteTopics({ topics });
    await admin.disconnect();
  }
}

/** Resolves when the condition holds; the test's own time limit ends it otherwise. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}

export function event(n: number, key = 'one|study'): OutgoingEvent {
  return { id: String(n), key, type: 'test', data: JSON.stringify({ n }) };
}

export function events(count: number, keys = 7): OutgoingEvent[] {
  return Array.from({ length: count }, (_, n) => event(n, `one|study${n % keys}`));
}

/** A handler that notes what it was given. */
export function recorder(): { events: DeliveredEvent[]; handler: EventHandler; distinct: () => number } {
  const seen: DeliveredEvent[] = [];
  const handler: EventHandler = async (batch) => {
    seen.push(...batch);
    return [];
  };
  return { events: seen, handler, distinct: () => new Set(seen.map(({ id }) => id)).size };
}

/** The ids of each key in the order of their first deliveries. */
export function firstDeliveries(delivered: readonly { id: string; key: string }[]): Map<string, number[]> {
  const order = new Map<string, Set<number>>();
  for (const { id, key } of delivered) order.set(key, (order.get(key) ?? new Set()).add(Number(id)));
  return new Map(Array.from(order, ([key, ids]) => [key, [...ids]]));
}
