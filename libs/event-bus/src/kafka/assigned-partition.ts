import { DeliveryQueue } from '../delivery/delivery-queue.ts';
import type { QueueContext } from '../delivery/delivery-queue.ts';
import type { DeliveredEvent } from '../event-bus.ts';

/** A partition that this member of the group has, from joining the group until joining it again. */
export class AssignedPartition {
  readonly number: number;
  readonly queue: DeliveryQueue;
  /** The offset committed last; undefined before the first commit. */
  committed: number | undefined;
  /** True when the group was joined again: nothing is delivered or committed any more. */
  ended = false;
  #next = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(number: number, context: QueueContext) {
    this.number = number;
    this.queue = new DeliveryQueue(context);
  }

  /** The offset after the last message that was fetched. */
  get next(): number {
    return this.#next;
  }

  /** Takes what was fetched; `next` is the offset that follows. */
  accept(events: readonly DeliveredEvent[], next: number): void {
    this.queue.enqueue(events);
    this.#next = next;
  }

  /** The offset before which all is done. */
  position(): number {
    return this.queue.firstOpen() ?? this.#next;
  }

  /** When there is something to deliver without new events, milliseconds since 1970; undefined when there is not. */
  nextDueMs(): number | undefined {
    return this.queue.length > 0 && !this.queue.isBlocked ? Date.now() : this.queue.nextDueMs();
  }

  /** Calls `wake` at a time, in place of what was set before. */
  wakeAt(timeMs: number | undefined, wake: () => void): void {
    clearTimeout(this.#timer);
    if (timeMs !== undefined && !this.ended) this.#timer = setTimeout(wake, Math.max(0, timeMs - Date.now()));
  }

  end(): void {
    this.ended = true;
    clearTimeout(this.#timer);
  }
}
