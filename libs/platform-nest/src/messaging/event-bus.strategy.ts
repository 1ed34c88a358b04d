import { Server } from '@nestjs/microservices';
import type { CustomTransportStrategy, MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import { ALL_TENANTS, CairnError, silentLogger, systemScope } from '@cairn/core';
import type { Logger, Scope } from '@cairn/core';
import type { DeliveredEvent, EventBus, EventFailure, Subscription } from '@cairn/event-bus';
import type { Metrics } from '@cairn/telemetry';
import type { ReadinessCheck } from '../health.module.ts';
import { tracedBatch } from './batch-trace.ts';
import { EventBatchContext } from './event-batch.context.ts';
import { EVENT_BUS_TRANSPORT, OPTIONS } from './event-batch.decorator.ts';
import type { EventBatchOptions } from './event-batch.decorator.ts';

const RETRY_PAUSE_MS = 1000;

/** What an {@link EventBusStrategy} runs on. */
export interface EventBusStrategyOptions {
  bus: EventBus;
  /** Whose events; default: of all tenants. */
  scope?: Scope;
  logger?: Logger;
  /** Shows every handler's lag. */
  metrics?: Metrics;
}

/**
 * Nest's transport over the event bus: subscribes the methods marked with `EventBatch`. A bus that is not there at the start does not keep
 * the process from starting: the strategy tries again, and {@link readiness} says so meanwhile. Closing ends after the batches under way.
 *
 * @example
 * const strategy = new EventBusStrategy({ bus });
 * app.connectMicroservice({ strategy });
 * await app.listen(port);
 * await app.startAllMicroservices();
 */
export class EventBusStrategy extends Server implements CustomTransportStrategy {
  override readonly transportId = EVENT_BUS_TRANSPORT;
  /** Nest leaves the report of a handler's errors to the bus. */
  override readonly propagatesEventHandlerErrors = true;
  /** Fails until all handlers are subscribed. */
  readonly readiness: ReadinessCheck = { name: 'event-subscriptions', check: () => this.#check() };
  readonly #bus: EventBus;
  readonly #scope: Scope;
  readonly #logger: Logger;
  readonly #metrics: Metrics | undefined;
  readonly #subscriptions: Subscription[] = [];
  readonly #retries = new Set<NodeJS.Timeout>();
  readonly #underWay = new Set<Promise<void>>();
  /** Handlers that are not subscribed yet; nothing is known before the start. */
  #unsubscribed = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor({ bus, scope, logger, metrics }: EventBusStrategyOptions) {
    super();
    this.#bus = bus;
    this.#scope = scope ?? systemScope(ALL_TENANTS);
    this.#logger = logger ?? silentLogger;
    this.#metrics = metrics;
  }

  /** Subscribes every handler; a mistake in their marks ends the start. */
  override listen(callback: (error?: unknown) => void): void {
    void this.#listen(callback);
  }

  override async close(): Promise<void> {
    this.#closed = true;
    for (const retry of this.#retries) clearTimeout(retry);
    await Promise.allSettled(this.#underWay);
    await Promise.all(this.#subscriptions.splice(0).map((subscription) => subscription.close()));
  }

  override on(): never {
    throw new CairnError('internal.unexpected', 'The event bus has no events of its own to listen to.');
  }

  override unwrap<T>(): T {
    return this.#bus as T;
  }

  async #listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      const handlers = Array.from(this.messageHandlers.values(), (handler) => ({ handler, options: optionsOf(handler) }));
      this.#unsubscribed = handlers.length;
      for (const { options } of handlers) this.#showLag(options);
      await Promise.all(handlers.map(({ handler, options }) => this.#track(this.#subscribe(handler, options))));
    } catch (error) {
      callback(error);
      return;
    }
    callback();
  }

  #showLag({ topic, group }: EventBatchOptions): void {
    this.#metrics?.sample(this.#metrics.eventLag, { topic, group }, () => this.#bus.lag(this.#scope, topic, group));
  }

  async #subscribe(handler: MessageHandler, options: EventBatchOptions): Promise<void> {
    const { topic, group } = options;
    if (this.#closed) return;
    try {
      const handle = (events: readonly DeliveredEvent[]): Promise<readonly EventFailure[]> =>
        tracedBatch(options, events, () => deliver(handler, options, events));
      this.#subscriptions.push(await this.#bus.subscribe(this.#scope, topic, group, handle, options));
      this.#unsubscribed -= 1;
    } catch (error) {
      if (!CairnError.is(error) || !error.retriable) throw error;
      this.#logger.warn({ error, topic, group }, 'messaging.subscribe-failed');
      this.#retryLater(handler, options);
    }
  }

  #retryLater(handler: MessageHandler, options: EventBatchOptions): void {
    if (this.#closed) return;
    const retry = setTimeout(() => {
      this.#retries.delete(retry);
      this.#track(this.#subscribe(handler, options)).catch((error: unknown) => {
        this.#logger.error({ error, topic: options.topic, group: options.group }, 'messaging.subscribe-failed');
      });
    }, RETRY_PAUSE_MS);
    this.#retries.add(retry);
  }

  /** Closing waits for subscriptions that are being made. */
  async #track(subscribing: Promise<void>): Promise<void> {
    this.#underWay.add(subscribing);
    await subscribing.finally(() => this.#underWay.delete(subscribing));
  }

  async #check(): Promise<void> {
    if (this.#unsubscribed > 0 || this.#closed) {
      throw new CairnError('event-bus.unavailable', 'Not all event handlers are subscribed.', { retriable: true });
    }
  }
}

/** Hands the batch to the handler, without events of types that it does not know. */
async function deliver(
  handler: MessageHandler,
  { topic, group, types }: EventBatchOptions,
  events: readonly DeliveredEvent[],
): Promise<readonly EventFailure[]> {
  const isKnown = ({ type }: DeliveredEvent): boolean => types === undefined || types.includes(type);
  const known = events.filter(isKnown);
  const unknown = events.filter((event) => !isKnown(event));
  const failures = unknown.map(({ id, type }) => ({ id, reason: `No handler knows events of type ${type}.`, retriable: false }));
  if (known.length === 0) return failures;
  const result: unknown = await handler(known, new EventBatchContext([topic, group]));
  const reported: unknown = isObservable(result) ? await lastValueFrom(result, { defaultValue: undefined }) : result;
  return [...failures, ...((reported as readonly EventFailure[] | undefined) ?? [])];
}

/** The options that `EventBatch` left at the handler. A method marked otherwise, or two with one topic and group → `config.invalid`. */
function optionsOf(handler: MessageHandler): EventBatchOptions {
  const options = handler.extras?.[OPTIONS] as EventBatchOptions | undefined;
  if (options === undefined) throw new CairnError('config.invalid', 'Handlers of the event bus are marked with EventBatch.');
  if (handler.next !== undefined) {
    throw new CairnError('config.invalid', `The group ${options.group} has two handlers for the topic ${options.topic}.`);
  }
  return options;
}
