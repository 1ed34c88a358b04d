export { SqliteEventBus } from './sqlite-event-bus.ts';
export type { SqliteEventBusOptions } from './sqlite-event-bus.ts';
