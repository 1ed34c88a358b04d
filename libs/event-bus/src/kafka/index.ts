export { KafkaEventBus } from './kafka-event-bus.ts';
export type { KafkaEventBusOptions } from './kafka-event-bus.ts';
export type { KafkaConnection } from './kafka-client.ts';
export { ensureTopics } from './topics.ts';
export type { TopicSettings } from './topics.ts';
