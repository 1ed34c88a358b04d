import { setTimeout as sleep } from 'node:timers/promises';
import { CairnError } from '@cairn/core';
import type { DeliveredEvent } from '../event-bus.ts';
import type { EventLogClient } from './event-log-client.ts';
import type { AppendedEvent } from './event-log.ts';

/** Events that wait for the log; beyond it publishers are refused and rely on their reconcilers. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** One transaction's worth. */
const MAX_APPEND = 500;
/**
 * Transactions follow one another at this distance or more: under load, events share one, here and in the subscribers that get them as
 * a batch, which costs a fraction of a transaction each. The first event after a pause does not wait.
 */
const APPEND_INTERVAL_MS = 25;

interface Publication {
  events: readonly AppendedEvent[];
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** Appends publications to the log; those that arrive while an append is under way share the next transaction. */
export class Publisher {
  readonly #log: EventLogClient;
  readonly #onAppended: (topic: string, events: readonly DeliveredEvent[]) => void;
  #waiting: Publication[] = [];
  #waitingBytes = 0;
  #running: Promise<void> | undefined;
  #nextAppendMs = 0;

  /** @param onAppended - told of each topic's new events, in order */
  constructor(log: EventLogClient, onAppended: (topic: string, events: readonly DeliveredEvent[]) => void) {
    this.#log = log;
    this.#onAppended = onAppended;
  }

  publish(events: readonly AppendedEvent[]): Promise<void> {
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      return Promise.reject(new CairnError('event-bus.unavailable', 'Too many events wait for the log.', { retriable: true }));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ events, resolve, reject });
      this.#waitingBytes += sizeOf(events);
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // Publishers of the same moment share the first transaction.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const earlyMs = this.#nextAppendMs - performance.now();
      if (earlyMs > 0) await sleep(earlyMs);
      this.#nextAppendMs = performance.now() + APPEND_INTERVAL_MS;
      await this.#appendSome(this.#take());
    }
    this.#running = undefined;
  }

  #take(): Publication[] {
    let count = 0;
    const end = this.#waiting.findIndex(({ events }) => (count += events.length) > MAX_APPEND);
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : Math.max(end, 1));
  }

  async #appendSome(publications: readonly Publication[]): Promise<void> {
    const events = publications.flatMap((publication) => publication.events);
    this.#waitingBytes -= sizeOf(events);
    try {
      const first = await this.#log.call('append', events);
      this.#announce(events, first);
      for (const { resolve } of publications) resolve();
    } catch (error) {
      for (const { reject } of publications) reject(error);
    }
  }

  #announce(events: readonly AppendedEvent[], firstSequence: number): void {
    const delivered = events.map(({ topic, ...event }, index) => ({
      topic,
      event: { ...event, sequence: firstSequence + index, attempt: 1 },
    }));
    for (const [topic, ofTopic] of Map.groupBy(delivered, (entry) => entry.topic)) {
      this.#onAppended(
        topic,
        ofTopic.map((entry) => entry.event),
      );
    }
  }
}

function sizeOf(events: readonly AppendedEvent[]): number {
  return events.reduce((sum, event) => sum + event.data.length, 0);
}
