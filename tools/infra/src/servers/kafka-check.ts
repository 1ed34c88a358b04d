import kafkajs from 'kafkajs';

const TOPIC = 'infra-check';

/** Writes a message and reads it back through a group, which also makes the broker's own topics. */
export async function checkKafka(brokers: string): Promise<void> {
  const client = new kafkajs.Kafka({
    brokers: brokers.split(','),
    logLevel: kafkajs.logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout: 5_000,
    retry: { retries: 0 },
  });
  const admin = client.admin();
  const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  const consumer = client.consumer({ groupId: TOPIC, retry: { retries: 0, restartOnFailure: async () => false } });
  const text = String(Math.random());
  try {
    await Promise.all([admin.connect(), producer.connect(), consumer.connect()]);
    const topics = [{ topic: TOPIC, numPartitions: 1, replicationFactor: 1 }];
    if (!(await admin.listTopics()).includes(TOPIC)) await admin.createTopics({ topics, waitForLeaders: false });
    await producer.send({ topic: TOPIC, messages: [{ value: text }] });
    await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      setTimeout(() => reject(new Error('The message was not read within 5 s.')), 5_000).unref();
      consumer.run({ eachMessage: async ({ message }) => (message.value?.toString() === text ? resolve() : undefined) }).catch(reject);
    });
  } finally {
    await Promise.allSettled([consumer.disconnect(), producer.disconnect(), admin.disconnect()]);
  }
}
