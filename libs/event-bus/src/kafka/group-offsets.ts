import { Semaphore } from '@cairn/core';
import type { Admin, Kafka } from 'kafkajs';
import { unavailable } from './kafka-client.ts';

/** Asks the brokers for positions, over one connection made when first needed. Failures → `event-bus.unavailable`. */
export class GroupOffsets {
  readonly #client: Kafka;
  readonly #connecting = new Semaphore(1);
  #admin: Admin | undefined;

  constructor(client: Kafka) {
    this.#client = client;
  }

  /** Messages of a topic that the group has not committed, counted by offsets. */
  lag(topic: string, groupId: string): Promise<number> {
    return this.#ask(async (admin) => {
      const [committed, ends] = await Promise.all([committedOffsets(admin, topic, groupId), admin.fetchTopicOffsets(topic)]);
      return ends.reduce((sum, { partition, low, high }) => sum + Number(high) - Math.max(Number(low), committed.get(partition) ?? 0), 0);
    });
  }

  /** What the group has committed in a partition: the offset to read next; undefined when nothing. */
  committed(topic: string, groupId: string, partition: number): Promise<number | undefined> {
    return this.#ask(async (admin) => (await committedOffsets(admin, topic, groupId)).get(partition));
  }

  /** The offset after the last message of a topic with one partition; 0 when nothing is kept. */
  end(topic: string): Promise<number> {
    return this.#ask(async (admin) => {
      const [bounds] = await admin.fetchTopicOffsets(topic);
      return bounds === undefined || bounds.low === bounds.high ? 0 : Number(bounds.high);
    });
  }

  async close(): Promise<void> {
    await this.#connecting.run(() => this.#disconnect());
  }

  /** Asks once more over a new connection: the one at hand may be to a broker that is gone, or know a leader that is no longer one. */
  async #ask<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    for (let repeated = false; ; repeated = true) {
      try {
        return await question(await this.#connecting.run(() => this.#connected()));
      } catch (error) {
        await this.#connecting.run(() => this.#disconnect());
        if (repeated) throw unavailable(error);
      }
    }
  }

  async #connected(): Promise<Admin> {
    if (this.#admin !== undefined) return this.#admin;
    const admin = this.#client.admin();
    await admin.connect();
    this.#admin = admin;
    return admin;
  }

  async #disconnect(): Promise<void> {
    const admin = this.#admin;
    this.#admin = undefined;
    await admin?.disconnect();
  }
}

async function committedOffsets(admin: Admin, topic: string, groupId: string): Promise<Map<number, number>> {
  const [ofTopic] = await admin.fetchOffsets({ groupId, topics: [topic] });
  const committed = (ofTopic?.partitions ?? []).filter(({ offset }) => Number(offset) >= 0);
  return new Map(committed.map(({ partition, offset }) => [partition, Number(offset)]));
}
