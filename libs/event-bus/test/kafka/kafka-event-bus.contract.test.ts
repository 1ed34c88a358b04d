import { randomUUID } from 'node:crypto';
import { describeEventBusContract } from '@cairn/event-bus/contract';
import { KafkaEventBus, ensureTopics } from '@cairn/event-bus/kafka';

const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(',');

describeEventBusContract(
  'KafkaEventBus',
  async () => {
    const options = { brokers, prefix: `${randomUUID()}.` };
    const topics = ['ingest.v1', 'dicom.study.v1'].map((name) => ({ name, partitions: 3 }));
    await ensureTopics(options, topics);
    const open = async (): Promise<KafkaEventBus> => new KafkaEventBus(options);
    return { bus: await open(), reopen: open, destroy: async () => undefined };
  },
  { durableOnPublish: true, keepsCommitted: true },
);
