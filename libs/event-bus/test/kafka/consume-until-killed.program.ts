import { ALL_TENANTS, armFailpoint, systemScope } from '@cairn/core';
import { KafkaEventBus } from '@cairn/event-bus/kafka';

/* A process that prints each event that it is given, until its failpoint kills it between an effect and its commit. */
const [, , brokers = '', prefix = '', topic = ''] = process.argv;
const bus = new KafkaEventBus({ brokers: brokers.split(','), prefix });
armFailpoint('event-bus.before-commit', 5);
await bus.subscribe(
  systemScope(ALL_TENANTS),
  topic,
  'g',
  async (events) => {
    for (const { id, key } of events) process.stdout.write(`${id} ${key}\n`);
    return [];
  },
  { maxBatch: 10 },
);
