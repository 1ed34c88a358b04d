import { createTopics } from '@cairn/composition';
import type { CairnConfig } from '@cairn/config';
import { createLogger } from '@cairn/telemetry';

/** `cairn create-topics`: makes what is missing in Kafka, as often as one likes. */
export async function createTopicsCommand(config: CairnConfig): Promise<number> {
  const topics = await createTopics(config, createLogger(config.CAIRN_LOG_LEVEL));
  process.stdout.write(topics.length === 0 ? 'No Kafka is configured: there are no topics to create.\n' : `Topics: ${topics.join(', ')}\n`);
  return 0;
}
