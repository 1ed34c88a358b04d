import { ALL_TENANTS } from '@cairn/core';

/** Names of topics and consumer groups on the brokers. */
export class KafkaNames {
  readonly #prefix: string;

  /** @param prefix - before every name, so that installations can share brokers */
  constructor(prefix = 'cairn.') {
    this.#prefix = prefix;
  }

  topic(topic: string): string {
    return `${this.#prefix}${topic}`;
  }

  /** The topic that keeps a topic's dead letters of all groups. */
  deadLetterTopic(topic: string): string {
    return `${this.#prefix}${topic}.dead-letters`;
  }

  /** A group of one tenant has its own position. */
  group(tenant: string, group: string): string {
    return `${this.#prefix}${group}${tenant === ALL_TENANTS ? '' : `@${tenant}`}`;
  }
}
