import { UseFilters, applyDecorators } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { DeliveredEvent, EventFailure, SubscribeOptions } from '@cairn/event-bus';
import { EventErrorFilter } from './event-error.filter.ts';

/** Identifies the {@link EventBusStrategy} among an application's transports. */
export const EVENT_BUS_TRANSPORT = Symbol('EVENT_BUS');

/** What a handler takes. */
export interface EventBatchOptions extends SubscribeOptions {
  topic: string;
  /** The consumer group; every handler has one of its own. */
  group: string;
  /** Types of events that the handler knows; others become dead letters. Default: it is given all. */
  types?: readonly string[];
}

/** A method that takes the batch of one partition and returns the events that failed; returning nothing: none did. */
export type EventBatchHandler = (events: readonly DeliveredEvent[], ...rest: never[]) => Promise<readonly EventFailure[] | void>;

/**
 * Marks a controller's method as the handler of a topic. It gets the events of one partition as a batch, one batch at a time, and reports
 * failures per event; an error that it throws fails the whole batch and goes to the dead letter as it is.
 *
 * @example
 * \@EventBatch({ topic: 'ingest.v1', group: 'indexer' })
 * async index(events: readonly DeliveredEvent[]): Promise<readonly EventFailure[]> {
 *   return this.indexer.handle(events);
 * }
 */
export function EventBatch(
  options: EventBatchOptions,
): <H extends EventBatchHandler>(target: object, name: string | symbol, method: TypedPropertyDescriptor<H>) => void {
  const { topic, group } = options;
  const extras: Record<string, unknown> = { [OPTIONS]: options };
  return applyDecorators(EventPattern({ topic, group }, EVENT_BUS_TRANSPORT, extras), UseFilters(EventErrorFilter));
}

/** Where a handler's extras hold its {@link EventBatchOptions}. */
export const OPTIONS = 'eventBatch';
