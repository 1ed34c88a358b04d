export { EventBatch } from './event-batch.decorator.ts';
export type { EventBatchHandler, EventBatchOptions } from './event-batch.decorator.ts';
export { EventBatchContext } from './event-batch.context.ts';
export { EventBusStrategy } from './event-bus.strategy.ts';
export type { EventBusStrategyOptions } from './event-bus.strategy.ts';
