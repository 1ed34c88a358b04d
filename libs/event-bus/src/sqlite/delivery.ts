import { ALL_TENANTS } from '@cairn/core';
import type { Logger } from '@cairn/core';
import { DeliveryQueue } from '../delivery/delivery-queue.ts';
import type { DeliveredEvent, EventBusObserver, EventHandler, SubscribeOptions, Subscription } from '../event-bus.ts';
import type { EventLogClient } from './event-log-client.ts';
import type { Subscriber } from './event-log.ts';

/** Events, and characters of their data, kept in memory for a subscriber that keeps up; one that falls behind reads the log. */
const MAX_QUEUED = 1000;
const MAX_QUEUED_CHARACTERS = 16 * 1024 * 1024;
/** Commits are written at most this often; a crash in between only repeats deliveries. */
const COMMIT_INTERVAL_MS = 50;

/** What a {@link Delivery} runs on. */
export interface DeliveryContext {
  log: EventLogClient;
  subscriber: Subscriber;
  handler: EventHandler;
  options: Required<SubscribeOptions>;
  logger: Logger;
  observer: EventBusObserver;
}

/**
 * One subscription: hands batches to the handler, one at a time. What is committed is the last sequence before the first event not
 * done.
 */
export class Delivery implements Subscription {
  readonly subscriber: Subscriber;
  readonly #context: DeliveryContext;
  readonly #queue: DeliveryQueue;
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
    const { log, subscriber, observer } = context;
    const { topic, group } = subscriber;
    this.subscriber = subscriber;
    this.#context = context;
    const bury = async (event: DeliveredEvent, reason: string): Promise<void> => {
      await log.call('addDeadLetter', subscriber, event, reason);
      observer.buried?.(topic, group);
    };
    this.#queue = new DeliveryQueue({ ...context, topic, bury });
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
    if (this.#caughtUp && this.#queue.length + mine.length <= MAX_QUEUED && this.#queue.characters < MAX_QUEUED_CHARACTERS) {
      this.#queue.enqueue(mine);
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
        if (this.#paused || !(await this.#deliverNext())) await this.#sleep();
      } catch (error) {
        this.#context.logger.warn({ error }, 'event-bus.log-failed');
        await this.#sleep(this.#context.options.retryDelayMs);
      }
    }
  }

  async #deliverNext(): Promise<boolean> {
    if (this.#queue.length === 0 && !this.#caughtUp && !this.#queue.isBlocked) await this.#readLog();
    const delivered = await this.#queue.deliverNext();
    if (delivered) this.#commitTimer ??= setTimeout(() => this.#commitLater(), COMMIT_INTERVAL_MS);
    return delivered;
  }

  async #readLog(): Promise<void> {
    this.#missed = false;
    const { events, atEnd } = await this.#context.log.call('read', this.subscriber, this.#read, MAX_QUEUED);
    this.#queue.enqueue(events);
    this.#read = events.at(-1)?.sequence ?? this.#read;
    this.#caughtUp = atEnd && !this.#missed;
  }

  /** Last sequence before the first event that is not done. */
  #position(): number {
    return Math.min((this.#queue.firstOpen() ?? Number.POSITIVE_INFINITY) - 1, this.#read);
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
    const dueMs = this.#paused ? undefined : this.#queue.nextDueMs();
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
