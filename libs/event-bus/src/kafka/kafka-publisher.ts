import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import type { Kafka, Message, Producer } from 'kafkajs';
import { CairnError } from '@cairn/core';
import type { Logger } from '@cairn/core';
import { unavailable } from './kafka-client.ts';

/** Messages that wait for the brokers; beyond it publishers are refused and rely on their reconcilers. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** One send's worth. Brokers take record batches up to about 1 MiB by default, and the messages of one partition travel in one. */
const MAX_SEND_MESSAGES = 500;
const MAX_SEND_BYTES = 768 * 1024;
/**
 * Sends that are not full follow one another at this distance or more: under load, messages share one, which costs a fraction of a send
 * each. The first message after a pause does not wait.
 */
const SEND_INTERVAL_MS = 25;
/** Errors of the protocol that say that these messages will never be taken. */
const REFUSALS: readonly unknown[] = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_TIMESTAMP', 'POLICY_VIOLATION'];
/** Errors of the protocol after which the same messages may be taken from a producer that begins to count anew. */
const SEQUENCE_ERRORS: readonly unknown[] = [
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'DUPLICATE_SEQUENCE_NUMBER',
  'INVALID_PRODUCER_EPOCH',
  'UNKNOWN_PRODUCER_ID',
];

/** A message for one topic. */
export interface TopicMessage {
  topic: string;
  message: Message;
}

interface Publication {
  unsent: number;
  failed: boolean;
  resolve: () => void;
  reject: (error: CairnError) => void;
}

interface WaitingMessage extends TopicMessage {
  bytes: number;
  publication: Publication;
}

/**
 * Sends messages in order, one send at a time: an idempotent kafkajs producer with several sends under way jams for good when a broker
 * is killed. Messages that arrive meanwhile share the next send.
 */
export class KafkaPublisher {
  readonly #client: Kafka;
  readonly #logger: Logger;
  #producer: Producer | undefined;
  #waiting: WaitingMessage[] = [];
  #waitingBytes = 0;
  #running: Promise<void> | undefined;
  #nextSendMs = 0;

  constructor(client: Kafka, logger: Logger) {
    this.#client = client;
    this.#logger = logger;
  }

  /**
   * Resolves when all replicas in sync have the messages. An outage of more than about 15 s → `event-bus.unavailable` (retriable), for
   * everything that waits, so that no later message overtakes one that is published again.
   */
  publish(messages: readonly TopicMessage[]): Promise<void> {
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      return Promise.reject(new CairnError('event-bus.unavailable', 'Too many events wait for Kafka.', { retriable: true }));
    }
    return new Promise((resolve, reject) => {
      const publication = { unsent: messages.length, failed: false, resolve, reject };
      for (const { topic, message } of messages) {
        const bytes = sizeOf(message);
        this.#waiting.push({ topic, message, bytes, publication });
        this.#waitingBytes += bytes;
      }
      this.#running ??= this.#run();
    });
  }

  /** Waits for what was published, then disconnects. */
  async close(): Promise<void> {
    await this.#running;
    await this.#discardProducer();
  }

  async #run(): Promise<void> {
    // Publishers of the same moment share the first send.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const earlyMs = this.#nextSendMs - performance.now();
      if (earlyMs > 0 && this.#waiting.length < MAX_SEND_MESSAGES && this.#waitingBytes < MAX_SEND_BYTES) await sleep(earlyMs);
      this.#nextSendMs = performance.now() + SEND_INTERVAL_MS;
      await this.#sendSome(this.#take());
    }
    this.#running = undefined;
  }

  #take(): WaitingMessage[] {
    let bytes = 0;
    const end = this.#waiting.findIndex((waiting, index) => (bytes += waiting.bytes) > MAX_SEND_BYTES || index === MAX_SEND_MESSAGES);
    const taken = this.#waiting.splice(0, end === -1 ? this.#waiting.length : Math.max(end, 1));
    for (const waiting of taken) this.#waitingBytes -= waiting.bytes;
    return taken.filter(({ publication }) => !publication.failed);
  }

  async #sendSome(messages: readonly WaitingMessage[]): Promise<void> {
    try {
      await this.#send(messages);
      for (const { publication } of messages) if (--publication.unsent === 0) publication.resolve();
    } catch (error) {
      const failure = CairnError.is(error) ? error : unavailable(error);
      fail(messages, failure);
      if (failure.retriable) this.#failWaiting(failure);
    }
  }

  /** A producer whose send failed is not used again: kafkajs sets its sequence numbers back, and a broker may take what follows for a repetition. */
  async #send(messages: readonly WaitingMessage[]): Promise<void> {
    const byTopic = Map.groupBy(messages, ({ topic }) => topic);
    const topicMessages = Array.from(byTopic, ([topic, ofTopic]) => ({ topic, messages: ofTopic.map(({ message }) => message) }));
    for (let repeated = false; ; repeated = true) {
      try {
        const producer = await this.#connectedProducer();
        await producer.sendBatch({ topicMessages, acks: -1 });
        return;
      } catch (error) {
        this.#logger.warn({ error }, 'event-bus.send-failed');
        await this.#discardProducer();
        if (repeated || !isOneOf(SEQUENCE_ERRORS, error)) throw failureOf(error);
      }
    }
  }

  async #connectedProducer(): Promise<Producer> {
    if (this.#producer !== undefined) return this.#producer;
    const producer = this.#client.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    this.#producer = producer;
    return producer;
  }

  async #discardProducer(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    await producer?.disconnect().catch((error: unknown) => this.#logger.debug({ error }, 'event-bus.disconnect-failed'));
  }

  #failWaiting(failure: CairnError): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    fail(waiting, failure);
  }
}

function fail(messages: readonly WaitingMessage[], failure: CairnError): void {
  for (const { publication } of messages) {
    publication.failed = true;
    publication.reject(failure);
  }
}

function failureOf(error: unknown): CairnError {
  if (!isOneOf(REFUSALS, error)) return unavailable(error);
  return new CairnError('event-bus.unavailable', 'Kafka refuses the events.', { cause: error });
}

/** Whether an error of kafkajs, or what it was made of, is one of these errors of the protocol. */
function isOneOf(types: readonly unknown[], error: unknown): boolean {
  return [error, propertyOf(error, 'cause')].some((reason) => types.includes(propertyOf(reason, 'type')));
}

function propertyOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function sizeOf({ key, value, headers }: Message): number {
  const texts = [key, value, ...Object.entries(headers ?? {}).flat()];
  return texts.reduce<number>((sum, text) => sum + (text === null || text === undefined ? 0 : Buffer.byteLength(text.toString())), 0);
}
