import { CairnError } from '@cairn/core';
import type { OutgoingEvent } from '@cairn/event-bus';

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 10_000;
/** Events handed to the bus at a time, once it answers again. */
const MAX_BATCH = 500;

/** An event on its way to the bus. */
export interface SpooledEvent {
  tenant: string;
  event: OutgoingEvent;
}

/** What an {@link EventSpool} works on. */
export interface EventSpoolPorts {
  publish(tenant: string, events: readonly OutgoingEvent[]): Promise<void>;
  /** Told of every event that the spool gives up. */
  lost(ulid: string, error?: unknown): void;
}

/** Bounds of an {@link EventSpool}. */
export interface EventSpoolLimits {
  events: number;
  /** Characters of data. */
  characters: number;
}

const DEFAULT_LIMITS: EventSpoolLimits = { events: 20_000, characters: 32 * 1024 * 1024 };

/**
 * Events that wait in memory, in order, for a bus that does not answer. What does not fit, what the bus refuses for good, and what it does
 * not take at the end is lost.
 */
export class EventSpool {
  readonly #ports: EventSpoolPorts;
  readonly #limits: EventSpoolLimits;
  readonly #events: SpooledEvent[] = [];
  #characters = 0;
  #retrying: Promise<void> | undefined;
  #closed = false;
  #endPause: () => void = () => undefined;

  constructor(ports: EventSpoolPorts, limits = DEFAULT_LIMITS) {
    this.#ports = ports;
    this.#limits = limits;
  }

  /** Events that wait. */
  get length(): number {
    return this.#events.length;
  }

  /** Takes an event in and goes on to try until the bus takes it. */
  keep(spooled: SpooledEvent): void {
    const characters = this.#characters + spooled.event.data.length;
    if (this.#closed || this.#events.length >= this.#limits.events || characters > this.#limits.characters) {
      this.#ports.lost(spooled.event.id);
      return;
    }
    this.#events.push(spooled);
    this.#characters = characters;
    this.#retrying ??= this.#retry();
  }

  /** Offers what waits to the bus a last time, without a pause. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#endPause();
    await this.#retrying;
  }

  async #retry(): Promise<void> {
    let pauseMs = FIRST_RETRY_MS;
    while (this.#events.length > 0) {
      await this.#pause(pauseMs);
      const isLast = this.#closed;
      if (await this.#offer(this.#nextBatch())) pauseMs = 0;
      else if (isLast) break;
      else pauseMs = Math.min(MAX_RETRY_MS, Math.max(FIRST_RETRY_MS, pauseMs * 2));
    }
    for (const { event } of this.#events.splice(0)) this.#ports.lost(event.id);
    this.#characters = 0;
    this.#retrying = undefined;
  }

  /** The oldest events, as far as they are of one tenant. */
  #nextBatch(): readonly SpooledEvent[] {
    const { tenant } = this.#events[0]!;
    const end = this.#events.slice(0, MAX_BATCH).findIndex((spooled) => spooled.tenant !== tenant);
    return this.#events.slice(0, end === -1 ? MAX_BATCH : end);
  }

  /** False when the bus does not answer. A batch that it refuses for good is offered one by one, so that only those at fault are lost. */
  async #offer(batch: readonly SpooledEvent[]): Promise<boolean> {
    try {
      await this.#ports.publish(
        batch[0]!.tenant,
        batch.map(({ event }) => event),
      );
    } catch (error) {
      if (!CairnError.is(error) || error.retriable) return false;
      if (batch.length > 1) return this.#offer(batch.slice(0, 1));
      this.#ports.lost(batch[0]!.event.id, error);
    }
    this.#events.splice(0, batch.length);
    for (const { event } of batch) this.#characters -= event.data.length;
    return true;
  }

  async #pause(timeMs: number): Promise<void> {
    if (timeMs === 0 || this.#closed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeMs);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
