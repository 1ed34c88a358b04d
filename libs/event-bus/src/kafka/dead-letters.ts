import { randomUUID } from 'node:crypto';
import type { EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import type { DeadLetter, DeliveredEvent } from '../event-bus.ts';
import { fromMessage, headerOf, toMessage } from './cloud-event.ts';
import type { GroupOffsets } from './group-offsets.ts';
import { unavailable } from './kafka-client.ts';
import type { KafkaNames } from './names.ts';
import type { KafkaPublisher, TopicMessage } from './kafka-publisher.ts';

/** Dead letters that are listed at a time, the oldest first; with events of up to 1 MiB, more would not fit in memory. */
const MAX_LISTED = 1000;
const MAX_REASON_CHARACTERS = 2000;

/** Whose dead letters: a topic, and a group by its name on the brokers. */
export interface DeadLetterOwner {
  topic: string;
  groupId: string;
}

/** What {@link DeadLetters} works on. */
export interface DeadLettersContext {
  client: Kafka;
  names: KafkaNames;
  publisher: KafkaPublisher;
  offsets: GroupOffsets;
  source: string;
}

/**
 * Dead letters of all groups of a topic, in a compacted topic of its own: the event as it was, with reason, attempts and offset in
 * headers. A record without value says that the letter was replayed.
 */
export class DeadLetters {
  readonly #context: DeadLettersContext;

  constructor(context: DeadLettersContext) {
    this.#context = context;
  }

  /** Keeps an event as a dead letter; the same event again replaces it. */
  async bury(owner: DeadLetterOwner, event: DeliveredEvent, reason: string): Promise<void> {
    const { publisher, source } = this.#context;
    const { headers, value } = toMessage(event, { tenant: event.tenant, source, publishedMs: event.publishedMs });
    const letter = {
      cairn_key: event.key,
      cairn_group: owner.groupId,
      cairn_reason: reason.slice(0, MAX_REASON_CHARACTERS),
      cairn_attempt: String(event.attempt),
      cairn_offset: String(event.sequence),
    };
    await publisher.publish([this.#record(owner, event, { value, headers: { ...headers, ...letter } })]);
  }

  /** The letters of a group, at most 1000, in the order in which they were buried. */
  async list({ topic, groupId }: DeadLetterOwner, group: string): Promise<DeadLetter[]> {
    const letters = new Map<string, DeadLetter>();
    await this.#scan(topic, (message) => {
      const key = String(message.key);
      if (!key.startsWith(`${groupId}|`)) return;
      if (message.value === null) letters.delete(key);
      else if (letters.has(key) || letters.size < MAX_LISTED) letters.set(key, toLetter(message, topic, group));
    });
    return [...letters.values()];
  }

  /** Appends the event of a letter to its topic again, for this group only, and removes the letter; false when there is none of this id. */
  async replay(owner: DeadLetterOwner, id: string): Promise<boolean> {
    let found: DeliveredEvent | undefined;
    await this.#scan(owner.topic, (message) => {
      const key = String(message.key);
      if (!key.startsWith(`${owner.groupId}|`)) return;
      if (message.value !== null && headerOf(message.headers, 'ce_id') === id) found = eventOf(message);
      else if (found !== undefined && key === keyOf(owner, found)) found = undefined;
    });
    if (found === undefined) return false;
    const { names, publisher, source } = this.#context;
    const { headers, ...message } = toMessage(found, { tenant: found.tenant, source, publishedMs: found.publishedMs });
    const replayed = { topic: names.topic(owner.topic), message: { ...message, headers: { ...headers, cairn_only_for: owner.groupId } } };
    await publisher.publish([replayed, this.#record(owner, found, { value: null })]);
    return true;
  }

  #record(owner: DeadLetterOwner, event: DeliveredEvent, message: Omit<TopicMessage['message'], 'key'>): TopicMessage {
    return { topic: this.#context.names.deadLetterTopic(owner.topic), message: { ...message, key: keyOf(owner, event) } };
  }

  /** Reads all letters of a topic that are there now, by a consumer of its own that commits nothing. */
  async #scan(topic: string, visit: (message: KafkaMessage) => void): Promise<void> {
    const { client, names, offsets } = this.#context;
    const deadLetterTopic = names.deadLetterTopic(topic);
    const end = await offsets.end(deadLetterTopic);
    if (end === 0) return;
    const consumer = client.consumer({
      groupId: `${deadLetterTopic}.${randomUUID()}`,
      allowAutoTopicCreation: false,
      maxWaitTimeInMs: 100,
    });
    const { promise: done, resolve, reject } = Promise.withResolvers<void>();
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(unavailable(payload.error)));
    const eachBatch = async ({ batch }: EachBatchPayload): Promise<void> => {
      for (const message of batch.messages) if (Number(message.offset) < end) visit(message);
      if (Number(batch.lastOffset()) + 1 >= end) resolve();
    };
    try {
      await consumer.connect();
      await consumer.subscribe({ topic: deadLetterTopic, fromBeginning: true });
      await consumer.run({ autoCommit: false, eachBatch });
      await done;
    } catch (error) {
      throw unavailable(error);
    } finally {
      await consumer.disconnect();
    }
  }
}

function keyOf({ groupId }: DeadLetterOwner, event: DeliveredEvent): string {
  return `${groupId}|${event.tenant}|${event.id}`;
}

function toLetter(message: KafkaMessage, topic: string, group: string): DeadLetter {
  return { topic, group, event: eventOf(message), reason: headerOf(message.headers, 'cairn_reason') ?? '' };
}

/** The event as it was delivered for the last time. */
function eventOf(message: KafkaMessage): DeliveredEvent {
  const { problem: _, ...event } = fromMessage(message);
  const key = headerOf(message.headers, 'cairn_key') ?? '';
  const sequence = Number(headerOf(message.headers, 'cairn_offset'));
  const attempt = Number(headerOf(message.headers, 'cairn_attempt'));
  return { ...event, key, sequence, attempt };
}
