import type { Logger } from '@cairn/core';
import type { DeliveredEvent, EventFailure, EventHandler, SubscribeOptions } from '../event-bus.ts';
import { HeldKeys } from './held-keys.ts';

/** Failed events and those behind them; beyond it nothing new is delivered until a pause is over. */
const MAX_HELD = 500;
const MAX_RETRY_DELAY_MS = 30_000;

/** What {@link SubscribeOptions} are where nothing else is said. */
export const DEFAULT_SUBSCRIBE_OPTIONS: Required<SubscribeOptions> = { maxBatch: 200, maxAttempts: 5, retryDelayMs: 200 };

/** What a {@link DeliveryQueue} hands its events to. */
export interface QueueContext {
  topic: string;
  handler: EventHandler;
  options: Required<SubscribeOptions>;
  logger: Logger;
  /** Keeps an event as a dead letter. When it throws, the event is tried again. */
  bury: (event: DeliveredEvent, reason: string) => Promise<void>;
}

/**
 * The events of one partition between its log and the handler, in order. Failed events of a key are tried again after a pause and
 * hold back later events of that key only.
 */
export class DeliveryQueue {
  readonly #context: QueueContext;
  readonly #held = new HeldKeys();
  #waiting: DeliveredEvent[] = [];
  #characters = 0;
  #underWay: readonly DeliveredEvent[] = [];

  constructor(context: QueueContext) {
    this.#context = context;
  }

  /** Events that wait for their first delivery. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Characters of their data. */
  get characters(): number {
    return this.#characters;
  }

  /** True when so many events wait for another attempt that nothing new is to be taken in. */
  get isBlocked(): boolean {
    return this.#held.count >= MAX_HELD;
  }

  /** Takes in the next events of the log. */
  enqueue(events: readonly DeliveredEvent[]): void {
    this.#waiting.push(...events);
    this.#characters += charactersOf(events);
  }

  /** Hands the next batch to the handler and notes what came of it; false when there is nothing to deliver now. One call at a time. */
  async deliverNext(): Promise<boolean> {
    const batch = this.#nextBatch();
    if (batch.length === 0) return false;
    this.#underWay = batch;
    const failures = await this.#handle(batch);
    const byId = new Map(failures.map((failure) => [failure.id, failure]));
    for (const [key, events] of Map.groupBy(batch, (event) => event.key)) {
      const retried: DeliveredEvent[] = [];
      for (const event of events) {
        const failure = byId.get(event.id);
        if (failure !== undefined && !(await this.#bury(event, failure))) retried.push({ ...event, attempt: event.attempt + 1 });
      }
      if (retried.length > 0) this.#held.fail(retried, Date.now() + this.#pauseBefore(retried[0]!.attempt));
      else this.#requeue(this.#held.settle(key));
    }
    this.#underWay = [];
    return true;
  }

  /** When the next pause before another attempt is over; undefined when nothing waits for one. */
  nextDueMs(): number | undefined {
    return this.#held.nextDueMs();
  }

  /** The smallest sequence of an event that is not done; undefined when all are. */
  firstOpen(): number | undefined {
    let first = this.#held.firstSequence() ?? Number.POSITIVE_INFINITY;
    for (const { sequence } of this.#underWay) first = Math.min(first, sequence);
    for (const { sequence } of this.#waiting) first = Math.min(first, sequence);
    return first === Number.POSITIVE_INFINITY ? undefined : first;
  }

  #nextBatch(): DeliveredEvent[] {
    const { maxBatch } = this.#context.options;
    const batch = this.#held.due(Date.now(), maxBatch);
    let index = 0;
    for (; index < this.#waiting.length && batch.length < maxBatch && !this.isBlocked; index++) {
      const event = this.#waiting[index]!;
      if (!this.#held.hold(event)) batch.push(event);
    }
    this.#characters -= charactersOf(this.#waiting.splice(0, index));
    return batch;
  }

  /** Puts events that waited behind failed ones before everything else. */
  #requeue(events: readonly DeliveredEvent[]): void {
    this.#waiting.unshift(...events);
    this.#characters += charactersOf(events);
  }

  async #handle(batch: readonly DeliveredEvent[]): Promise<readonly EventFailure[]> {
    try {
      return await this.#context.handler(batch);
    } catch (error) {
      this.#context.logger.warn({ error, topic: this.#context.topic }, 'event-bus.handler-failed');
      return batch.map(({ id }) => ({ id, reason: String(error), retriable: true }));
    }
  }

  /** Makes an event a dead letter if it is not to be delivered again; false when it is. */
  async #bury(event: DeliveredEvent, failure: EventFailure): Promise<boolean> {
    const { topic, options, logger, bury } = this.#context;
    if (failure.retriable && event.attempt < options.maxAttempts) return false;
    try {
      await bury(event, failure.reason);
      logger.error({ topic, id: event.id, reason: failure.reason }, 'event-bus.dead-letter');
      return true;
    } catch (error) {
      logger.warn({ error, topic }, 'event-bus.dead-letter-failed');
      return false;
    }
  }

  #pauseBefore(attempt: number): number {
    return Math.min(MAX_RETRY_DELAY_MS, this.#context.options.retryDelayMs * 2 ** (attempt - 2));
  }
}

function charactersOf(events: readonly DeliveredEvent[]): number {
  return events.reduce((sum, { data }) => sum + data.length, 0);
}
