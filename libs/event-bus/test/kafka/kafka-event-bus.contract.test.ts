import { randomUUID } from 'node:crypto';
import { afterAll, describe, it, jest } from '@jest/globals';
import { describeEventBusContract } from '@cairn/event-bus/contract';
import { KafkaEventBus, ensureTopics } from '@cairn/event-bus/kafka';
import { serverForTests } from '@cairn/infra';
import { documentedProduct } from '@cairn/testing';

jest.setTimeout(60_000);
const documented = documentedProduct('Kafka');
const server = await serverForTests('kafka');

if (server === undefined) describe.skip('KafkaEventBus as an EventBus', () => it('needs Kafka', () => undefined));
else {
  afterAll(() => server.stop());
  describeEventBusContract(
    'KafkaEventBus',
    async (observer) => {
      const options = { observer, brokers: server.address.split(','), prefix: `${randomUUID()}.` };
      await ensureTopics(
        options,
        ['ingest.v1', 'dicom.study.v1'].map((name) => ({ name, partitions: 3 })),
      );
      const open = async (): Promise<KafkaEventBus> => new KafkaEventBus(options);
      return { bus: await open(), reopen: open, destroy: async () => undefined };
    },
    { durableOnPublish: documented['durableOnPublish'] === 'yes', keepsCommitted: documented['keepsCommitted'] === 'yes' },
  );
}
