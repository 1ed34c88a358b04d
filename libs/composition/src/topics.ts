import { INGEST_TOPIC, INSTANCE_TOPIC, STUDY_TOPIC } from '@cairn/archive';
import type { CairnConfig } from '@cairn/config';
import type { Logger } from '@cairn/core';

/** Every topic of the archive, without the prefix. */
export const TOPICS = [INGEST_TOPIC, INSTANCE_TOPIC, STUDY_TOPIC];

/** Creates the topics that are missing in Kafka, with their dead-letter topics; gives all their names. No brokers configured: nothing to do. */
export async function createTopics(config: CairnConfig, logger: Logger): Promise<readonly string[]> {
  if (config.CAIRN_KAFKA_BROKERS.length === 0) return [];
  const { ensureTopics } = await import('@cairn/event-bus/kafka');
  const connection = { brokers: config.CAIRN_KAFKA_BROKERS, prefix: config.CAIRN_KAFKA_PREFIX, logger };
  await ensureTopics(
    connection,
    TOPICS.map((name) => ({ name })),
  );
  return TOPICS.map((name) => `${config.CAIRN_KAFKA_PREFIX}${name}`);
}
