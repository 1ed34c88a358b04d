import type { Scope } from '@cairn/core';

/** An event to publish. `id` is stable over retries; consumers drop repetitions by it. */
export interface OutgoingEvent {
  id: string;
  /** Events of one key are delivered in the order in which they were published. `tenant|StudyInstanceUID`. */
  key: string;
  /** For example `ingest.v1.instance-received`. */
  type: string;
  /** At most 1 MiB. */
  data: string;
  /** The publisher's span, as W3C Trace Context writes it; travels with the event. */
  traceparent?: string;
}

/** An event as a subscriber gets it. */
export interface DeliveredEvent extends OutgoingEvent {
  tenant: string;
  /** Position within its partition: grows by publication. */
  sequence: number;
  /** When it was published, milliseconds since 1970. */
  publishedMs: number;
  /** 1 at the first delivery. */
  attempt: number;
}

/** A handler's failure of one event; the others of the batch count as done. */
export interface EventFailure {
  id: string;
  reason: string;
  /** False: straight to the dead letters. True: again after a pause, up to the subscription's attempts. */
  retriable: boolean;
}

/** Handles the batch of one partition; returns the events that failed. Throwing fails the whole batch (retriable). */
export type EventHandler = (events: readonly DeliveredEvent[]) => Promise<readonly EventFailure[]>;

/** How a subscription runs. */
export interface SubscribeOptions {
  /** Default 200. */
  maxBatch?: number;
  /** Deliveries before an event becomes a dead letter. Default 5. */
  maxAttempts?: number;
  /** Pause before the second delivery, doubled each time up to 30 s. Default 200. */
  retryDelayMs?: number;
}

/** A running subscription. */
export interface Subscription {
  /** No new batches from here on; the one under way ends. */
  pause(): void;
  resume(): void;
  /** Ends after the batch under way. */
  close(): Promise<void>;
}

/** An event that no delivery could handle. */
export interface DeadLetter {
  topic: string;
  group: string;
  event: DeliveredEvent;
  reason: string;
}

/** Told what becomes of events; for metrics. Every adapter takes one. */
export interface EventBusObserver {
  /** An event of the topic was given up for the group. */
  buried?(topic: string, group: string): void;
}

/** What an adapter can do that others cannot. */
export interface EventBusSupports {
  /** Published events survive a crash of the process at once; otherwise within a second. */
  durableOnPublish: boolean;
  /** Events stay for a time that the topic sets, whoever has committed them; otherwise they go when all groups have. */
  keepsCommitted: boolean;
}

/** At-least-once delivery in key order; consumers are idempotent. */
export interface EventBus {
  readonly supports: EventBusSupports;

  /** Resolves when the bus has taken all. Not taken → `event-bus.unavailable` (retriable), with none or some delivered. */
  publish(scope: Scope, topic: string, events: readonly OutgoingEvent[]): Promise<void>;

  /**
   * Delivers the topic's events to the group from where it committed last (a new group: from the oldest kept). An event is
   * committed after its handler returned. `scope.tenant` `*` (ALL_TENANTS) subscribes to all tenants, another only to its own.
   */
  subscribe(scope: Scope, topic: string, group: string, handler: EventHandler, options?: SubscribeOptions): Promise<Subscription>;

  /** Events published and not yet committed by the group. */
  lag(scope: Scope, topic: string, group: string): Promise<number>;

  deadLetters(scope: Scope, topic: string, group: string): Promise<readonly DeadLetter[]>;

  /** Delivers one dead letter again; false when there is none of this id. */
  replay(scope: Scope, topic: string, group: string, id: string): Promise<boolean>;

  /** Ends all subscriptions and waits for publications under way. */
  close(): Promise<void>;
}
