import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, ITopicConfig } from 'kafkajs';
import { createClient, retryOptions, unavailable } from './kafka-client.ts';
import type { KafkaConnection } from './kafka-client.ts';
import { KafkaNames } from './names.ts';

/** An event of 1 MiB with its headers in a record batch; the brokers' own default is a few bytes over 1 MiB. */
const MAX_MESSAGE_BYTES = 2 * 1024 * 1024;
const DAY_MS = 24 * 60 * 60 * 1000;
const DEFAULTS = { partitions: 12, retentionMs: 7 * DAY_MS };
/** Creating a topic is done when it can be used: looked for so often at this distance. */
const MAX_CHECKS = 100;
const CHECK_PAUSE_MS = 100;

/** A topic to have. */
export interface TopicSettings {
  name: string;
  /** Default 12. Bounds the replicas of a group that work at the same time. Of an existing topic it stays as it is: keys would move. */
  partitions?: number;
  /** Default: the brokers' own. With 3 or more, two replicas must have an event before it counts as published. */
  replicationFactor?: number;
  /** How long events are kept, whoever has read them. Default 7 days. */
  retentionMs?: number;
}

/**
 * Creates what is missing of the topics and of their dead-letter topics; those that exist are left as they are. Resolves when
 * they can be used. Not possible → `event-bus.unavailable`.
 */
export async function ensureTopics(connection: KafkaConnection & { prefix?: string }, topics: readonly TopicSettings[]): Promise<void> {
  const names = new KafkaNames(connection.prefix);
  const wanted = topics.flatMap((topic) => [eventTopic(names, topic), deadLetterTopic(names, topic)]);
  const admin = createClient(connection).admin({ retry: retryOptions(connection) });
  try {
    await admin.connect();
    // Waiting for leaders is done here: kafkajs's own wait fails on brokers that have just been restarted.
    await admin.createTopics({ topics: wanted, waitForLeaders: false });
    for (const { topic } of wanted) await untilUsable(admin, topic);
  } catch (error) {
    throw unavailable(error);
  } finally {
    await admin.disconnect();
  }
}

function eventTopic(names: KafkaNames, { name, partitions, replicationFactor, retentionMs }: TopicSettings): ITopicConfig {
  return {
    topic: names.topic(name),
    numPartitions: partitions ?? DEFAULTS.partitions,
    replicationFactor: replicationFactor ?? -1,
    configEntries: [
      { name: 'max.message.bytes', value: String(MAX_MESSAGE_BYTES) },
      { name: 'retention.ms', value: String(retentionMs ?? DEFAULTS.retentionMs) },
      ...inSyncReplicas(replicationFactor),
    ],
  };
}

/** Compacted: a dead letter stays until a record without value replaces it. One partition, so that letters are listed in order. */
function deadLetterTopic(names: KafkaNames, { name, replicationFactor }: TopicSettings): ITopicConfig {
  return {
    topic: names.deadLetterTopic(name),
    numPartitions: 1,
    replicationFactor: replicationFactor ?? -1,
    configEntries: [
      { name: 'max.message.bytes', value: String(MAX_MESSAGE_BYTES) },
      { name: 'cleanup.policy', value: 'compact' },
      ...inSyncReplicas(replicationFactor),
    ],
  };
}

function inSyncReplicas(replicationFactor = 1): { name: string; value: string }[] {
  return replicationFactor < 3 ? [] : [{ name: 'min.insync.replicas', value: '2' }];
}

/** A topic can be used when the leaders of its partitions answer for them, which is later than when they are named. */
async function untilUsable(admin: Admin, topic: string): Promise<void> {
  for (let check = 1; ; check++) {
    try {
      await admin.fetchTopicOffsets(topic);
      return;
    } catch (error) {
      if (check >= MAX_CHECKS) throw error;
      await sleep(CHECK_PAUSE_MS);
    }
  }
}
