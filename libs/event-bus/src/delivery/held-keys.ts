import type { DeliveredEvent } from '../event-bus.ts';

/** A key with failed events: they are delivered again at `dueMs`, later ones of the key wait behind them. */
interface HeldKey {
  failed: DeliveredEvent[];
  waiting: DeliveredEvent[];
  dueMs: number;
}

/** Keys of a subscription that failed and are tried again after a pause; all other keys go on. */
export class HeldKeys {
  readonly #keys = new Map<string, HeldKey>();
  #count = 0;

  /** Events held. */
  get count(): number {
    return this.#count;
  }

  /** Takes an event that waits behind failed ones of its key; false when its key is not held. */
  hold(event: DeliveredEvent): boolean {
    const held = this.#keys.get(event.key);
    if (held === undefined) return false;
    held.waiting.push(event);
    this.#count += 1;
    return true;
  }

  /** Holds failed events of one key until `dueMs`. */
  fail(events: readonly DeliveredEvent[], dueMs: number): void {
    const held = this.#keys.get(events[0]!.key) ?? { failed: [], waiting: [], dueMs };
    held.failed.push(...events);
    held.dueMs = dueMs;
    this.#keys.set(events[0]!.key, held);
    this.#count += events.length;
  }

  /** The failed events whose pause is over, at most about `limit`; they count as held until {@link settle} or {@link fail}. */
  due(nowMs: number, limit: number): DeliveredEvent[] {
    const due: DeliveredEvent[] = [];
    for (const held of this.#keys.values()) {
      if (due.length >= limit) break;
      if (held.dueMs > nowMs) continue;
      due.push(...held.failed);
      this.#count -= held.failed.length;
      held.failed = [];
      held.dueMs = Number.POSITIVE_INFINITY;
    }
    return due;
  }

  /** Ends the holding of a key that has no failed events left; the events that waited behind them, to be delivered next. */
  settle(key: string): DeliveredEvent[] {
    const held = this.#keys.get(key);
    if (held === undefined || held.failed.length > 0) return [];
    this.#keys.delete(key);
    this.#count -= held.waiting.length;
    return held.waiting;
  }

  /** When the next pause is over; undefined when nothing is held. */
  nextDueMs(): number | undefined {
    let next: number | undefined;
    for (const { dueMs } of this.#keys.values()) if (next === undefined || dueMs < next) next = dueMs;
    return next;
  }

  /** The smallest sequence held; undefined when nothing is. */
  firstSequence(): number | undefined {
    let first: number | undefined;
    for (const { failed, waiting } of this.#keys.values()) {
      for (const event of [...failed, ...waiting]) if (first === undefined || event.sequence < first) first = event.sequence;
    }
    return first;
  }
}
