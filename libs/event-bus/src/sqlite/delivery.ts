import { ALL_TENANTS } from '@cairn/core';
import type { Logger } from '@cairn/core';
import type { DeliveredEvent, EventFailure, EventHandler, SubscribeOptions, Subscription } from '../event-bus.ts';
import { HeldKeys } from './held-keys.ts';
import type { EventLogClient } from './event-log-client.ts';
import type { Subscriber } from './event-log.ts';

/** Events, and characters of their data, kept in memory for a subscriber that keeps up; one that falls behind reads the log. */
const MAX_QUEUED = 1000;
const MAX_QUEUED_CHARACTERS = 16 * 1024 * 1024;
/** Failed events and those behind them; beyond it nothing new is delivered until a pause is over. */
const MAX_HELD = 500;
const MAX_RETRY_DELAY_MS = 30_000;
/** Commits are written at most this often; a crash in between only repeats deliveries. */
const COMMIT_INTERVAL_MS = 50;

/** What a {@link Delivery} runs on. */
export interface DeliveryContext {
  log: EventLogClient;
  subscriber: Subscriber;
  handler: EventHandler;
  options: Required<SubscribeOptions>;
  logger: Logger;
}

/**
 * One subscription: hands batches to the handler, one at a time. Failed events of a key are tried again after a pause and hold
 * back later events of that key only. What is committed is the last sequence before the first event not done.
 */
export class Delivery implements Subscription {
  readonly subscriber: Subscriber;
  readonly #context: DeliveryContext;
  readonly #held = new HeldKeys();
  #queue: DeliveredEvent[] = [];
  #queuedCharacters = 0;
  #batch: readonly DeliveredEvent[] = [];
  /** Last sequence that came into the queue. */
  #read: number;
  #committed: number;
  /** True when everything published before is in the queue or done. */
  #caughtUp = false;
  /** Set when an event was published that only the log has. */
  #missed = false;
  #paused = false;
  #closed = false;
  #awake = false;
  #endSleep: () => void = () => undefined;
  #commitTimer: NodeJS.Timeout | undefined;
  readonly #loop: Promise<void>;

  constructor(context: DeliveryContext, committed: number) {
    this.subscriber = context.subscriber;
    this.#context = context;
    this.#read = committed;
    this.#committed = committed;
    this.#loop = this.#run();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#wake();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    await this.#loop;
    await this.flush().catch((error: unknown) => this.#context.logger.warn({ error }, 'event-bus.commit-failed'));
  }

  /** Takes events just published, without reading them back, when nothing published before is unread. */
  offer(events: readonly DeliveredEvent[]): void {
    const { tenant } = this.subscriber;
    const mine = tenant === ALL_TENANTS ? events : events.filter((event) => event.tenant === tenant);
    if (mine.length === 0) return;
    if (this.#caughtUp && this.#queue.length + mine.length <= MAX_QUEUED && this.#queuedCharacters < MAX_QUEUED_CHARACTERS) {
      this.#enqueue(mine);
      this.#read = mine.at(-1)!.sequence;
    } else {
      this.#caughtUp = false;
      this.#missed = true;
    }
    this.#wake();
  }

  /** Writes the position reached. */
  async flush(): Promise<void> {
    clearTimeout(this.#commitTimer);
    this.#commitTimer = undefined;
    const position = this.#position();
    if (position <= this.#committed) return;
    await this.#context.log.call('commit', this.subscriber, position);
    this.#committed = position;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        const batch = this.#paused ? [] : await this.#nextBatch();
        if (batch.length === 0) await this.#sleep();
        else await this.#deliver(batch);
      } catch (error) {
        this.#context.logger.warn({ error }, 'event-bus.log-failed');
        await this.#sleep(this.#context.options.retryDelayMs);
      }
    }
  }

  async #nextBatch(): Promise<DeliveredEvent[]> {
    const { maxBatch } = this.#context.options;
    const batch = this.#held.due(Date.now(), maxBatch);
    if (this.#queue.length === 0 && !this.#caughtUp && this.#held.count < MAX_HELD) await this.#readLog();
    let index = 0;
    for (; index < this.#queue.length && batch.length < maxBatch && this.#held.count < MAX_HELD; index++) {
      const event = this.#queue[index]!;
      if (!this.#held.hold(event)) batch.push(event);
    }
    this.#queuedCharacters -= charactersOf(this.#queue.splice(0, index));
    this.#batch = batch;
    return batch;
  }

  #enqueue(events: readonly DeliveredEvent[]): void {
    this.#queue.push(...events);
    this.#queuedCharacters += charactersOf(events);
  }

  /** Puts events that waited behind failed ones before everything else. */
  #requeue(events: readonly DeliveredEvent[]): void {
    this.#queue.unshift(...events);
    this.#queuedCharacters += charactersOf(events);
  }

  async #readLog(): Promise<void> {
    this.#missed = false;
    const { events, atEnd } = await this.#context.log.call('read', this.subscriber, this.#read, MAX_QUEUED);
    this.#enqueue(events);
    this.#read = events.at(-1)?.sequence ?? this.#read;
    this.#caughtUp = atEnd && !this.#missed;
  }

  /** Last sequence before the first event that is not done. */
  #position(): number {
    let first = this.#held.firstSequence() ?? Number.POSITIVE_INFINITY;
    for (const { sequence } of this.#batch) first = Math.min(first, sequence);
    for (const { sequence } of this.#queue) first = Math.min(first, sequence);
    return Math.min(first - 1, this.#read);
  }

  async #deliver(batch: readonly DeliveredEvent[]): Promise<void> {
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
    this.#batch = [];
    this.#commitTimer ??= setTimeout(() => this.#commitLater(), COMMIT_INTERVAL_MS);
  }

  async #handle(batch: readonly DeliveredEvent[]): Promise<readonly EventFailure[]> {
    try {
      return await this.#context.handler(batch);
    } catch (error) {
      this.#context.logger.warn({ error, topic: this.subscriber.topic }, 'event-bus.handler-failed');
      return batch.map(({ id }) => ({ id, reason: String(error), retriable: true }));
    }
  }

  /** Makes an event a dead letter if it is not to be delivered again; false when it is. */
  async #bury(event: DeliveredEvent, failure: EventFailure): Promise<boolean> {
    if (failure.retriable && event.attempt < this.#context.options.maxAttempts) return false;
    try {
      await this.#context.log.call('addDeadLetter', this.subscriber, event, failure.reason);
      this.#context.logger.error({ topic: this.subscriber.topic, id: event.id, reason: failure.reason }, 'event-bus.dead-letter');
      return true;
    } catch (error) {
      this.#context.logger.warn({ error }, 'event-bus.log-failed');
      return false;
    }
  }

  #pauseBefore(attempt: number): number {
    return Math.min(MAX_RETRY_DELAY_MS, this.#context.options.retryDelayMs * 2 ** (attempt - 2));
  }

  #commitLater(): void {
    this.flush().catch((error: unknown) => this.#context.logger.warn({ error }, 'event-bus.commit-failed'));
  }

  #wake(): void {
    this.#awake = true;
    this.#endSleep();
  }

  /** Until woken, until the next pause is over, or for `timeMs`. */
  async #sleep(timeMs?: number): Promise<void> {
    const dueMs = this.#paused ? undefined : this.#held.nextDueMs();
    const delayMs = timeMs ?? (dueMs === undefined ? undefined : Math.max(1, dueMs - Date.now()));
    let timer: NodeJS.Timeout | undefined;
    if (!this.#awake) {
      await new Promise<void>((resolve) => {
        this.#endSleep = resolve;
        if (delayMs !== undefined) timer = setTimeout(resolve, delayMs);
      });
    }
    clearTimeout(timer);
    this.#awake = false;
  }
}

function charactersOf(events: readonly DeliveredEvent[]): number {
  return events.reduce((sum, { data }) => sum + data.length, 0);
}
