import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, EachBatchPayload, Kafka, RetryOptions } from 'kafkajs';
import { ALL_TENANTS, Semaphore, failpoint } from '@cairn/core';
import type { Logger } from '@cairn/core';
import type { QueueContext } from '../delivery/delivery-queue.ts';
import type { EventFailure, Subscription } from '../event-bus.ts';
import { AssignedPartition } from './assigned-partition.ts';
import { fromMessage, headerOf } from './cloud-event.ts';
import type { ReceivedEvent } from './cloud-event.ts';
import type { GroupOffsets } from './group-offsets.ts';
import { unavailable } from './kafka-client.ts';

/** A replica that died is noticed after this; its partitions then go to the others. */
const SESSION_TIMEOUT_MS = 10_000;
const HEARTBEAT_MS = 1000;
/** How long a poll waits for events; closing takes up to as long. */
const POLL_MS = 500;
/** Commits are written at most this often, for all partitions together; a crash in between only repeats deliveries. */
const COMMIT_INTERVAL_MS = 50;
const COMMIT_RETRY_MS = 1000;
/** Between two looks at whether a partition that was paused, or whose failed events hold back too many, goes on. */
const BLOCKED_PAUSE_MS = 100;
const RESTART_PAUSE_MS = 1000;
/** Errors of the protocol after which kafkajs joins the group again. */
const REJOIN_ERRORS: readonly unknown[] = ['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'NOT_COORDINATOR_FOR_GROUP', 'UNKNOWN_MEMBER_ID'];

/** What a {@link KafkaSubscription} runs on. */
export interface SubscriptionContext {
  client: Kafka;
  offsets: GroupOffsets;
  /** Names on the brokers. */
  topic: string;
  groupId: string;
  tenant: string;
  queue: QueueContext;
  retry: RetryOptions;
  logger: Logger;
}

/**
 * A member of a consumer group: takes what kafkajs fetches of a partition, hands it to the handler batch by batch, one at a time, and
 * then commits the offset before which all is done. kafkajs rejoins the group only after the batch under way, so that two replicas
 * do not work on one key. A consumer that crashes is replaced.
 */
export class KafkaSubscription implements Subscription {
  readonly #context: SubscriptionContext;
  readonly #partitions = new Map<number, AssignedPartition>();
  readonly #turn = new Semaphore(1);
  readonly #committing = new Semaphore(1);
  #consumer: Consumer | undefined;
  #restarting: Promise<void> | undefined;
  #commitTimer: NodeJS.Timeout | undefined;
  #paused = false;
  #closed = false;

  private constructor(context: SubscriptionContext) {
    const { handler } = context.queue;
    this.#context = { ...context, queue: { ...context.queue, handler: (events) => refuseForeign(events, handler) } };
  }

  /** Joins the group. Not possible → `event-bus.unavailable`. */
  static async open(context: SubscriptionContext): Promise<KafkaSubscription> {
    const subscription = new KafkaSubscription(context);
    await subscription.#connect();
    return subscription;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    for (const partition of this.#partitions.values()) this.#schedule(partition);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#turn.run(async () => undefined);
    await this.#commit();
    await this.#restarting;
    this.#forgetPartitions();
    await this.#consumer?.disconnect().catch((error: unknown) => this.#context.logger.debug({ error }, 'event-bus.disconnect-failed'));
  }

  async #connect(): Promise<void> {
    const { client, groupId, topic, retry } = this.#context;
    const consumer = client.consumer({
      groupId,
      allowAutoTopicCreation: false,
      sessionTimeout: SESSION_TIMEOUT_MS,
      heartbeatInterval: HEARTBEAT_MS,
      maxWaitTimeInMs: POLL_MS,
      retry: { ...retry, restartOnFailure: async () => false },
    });
    let crash: unknown;
    let started = false;
    consumer.on(consumer.events.GROUP_JOIN, () => this.#forgetPartitions());
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      crash = payload.error;
      if (started) this.#restart(payload.error);
    });
    this.#consumer = consumer;
    try {
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: (payload) => this.#take(payload) });
      if (crash !== undefined) throw crash;
      started = true;
    } catch (error) {
      this.#consumer = undefined;
      await consumer.disconnect().catch(() => undefined);
      throw unavailable(error);
    }
  }

  /** Replaces a consumer that kafkajs gave up (it has disconnected it), for as long as it takes. */
  #restart(error: unknown): void {
    this.#context.logger.warn({ error, topic: this.#context.topic }, 'event-bus.consumer-crashed');
    this.#consumer = undefined;
    this.#forgetPartitions();
    this.#restarting ??= this.#reconnect().finally(() => (this.#restarting = undefined));
  }

  async #reconnect(): Promise<void> {
    while (!this.#closed && this.#consumer === undefined) {
      await sleep(RESTART_PAUSE_MS);
      await this.#connect().catch((error: unknown) => this.#context.logger.warn({ error }, 'event-bus.consumer-failed'));
    }
  }

  /** What was not committed comes again, to whoever has the partition then. */
  #forgetPartitions(): void {
    for (const partition of this.#partitions.values()) partition.end();
    this.#partitions.clear();
  }

  /** Takes one partition's share of a fetch; resolves when all of it is done or waits for another attempt. */
  async #take(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const partition = await this.#partitionOf(batch);
    if (partition === undefined) return;
    const events = batch.messages.filter(({ headers }) => this.#isMine(headerOf(headers, 'cairn_only_for')));
    partition.accept(
      events.map(fromMessage).filter(({ tenant }) => this.#context.tenant === ALL_TENANTS || tenant === this.#context.tenant),
      Number(batch.lastOffset()) + 1,
    );
    payload.resolveOffset(batch.lastOffset());
    // The handler may take longer than the group waits for a sign of life; a failed one shows between batches.
    const alive = setInterval(() => void payload.heartbeat().catch(() => undefined), HEARTBEAT_MS);
    try {
      for (;;) {
        await this.#stayInGroup(partition, payload);
        await this.#deliverNext(partition);
        if (this.#closed || partition.ended || partition.queue.length === 0) break;
        if (this.#paused || partition.queue.isBlocked) await sleep(BLOCKED_PAUSE_MS);
      }
    } finally {
      clearInterval(alive);
    }
  }

  /** Throws when the group is to be joined again; kafkajs then does. Other failures do not matter yet: the next sign of life may succeed. */
  async #stayInGroup(partition: AssignedPartition, payload: EachBatchPayload): Promise<void> {
    try {
      await payload.heartbeat();
    } catch (error) {
      if (!isRejoin(error)) return;
      await this.#commit();
      partition.end();
      throw error;
    }
  }

  #isMine(onlyFor: string | undefined): boolean {
    return onlyFor === undefined || onlyFor === this.#context.groupId;
  }

  /**
   * The partition's state, a new one for the first batch since joining, and for one that starts before the end of the last: the topic has
   * lost its events or was created anew. Undefined when the first batch starts after what the group committed: it was fetched before the
   * group was joined again (by another broker's fetch), and events that waited for another attempt lie before it.
   */
  async #partitionOf({ partition: number, messages }: EachBatchPayload['batch']): Promise<AssignedPartition | undefined> {
    const first = Number(messages[0]?.offset);
    const known = this.#partitions.get(number);
    if (known !== undefined && !known.ended && first >= known.next) return known;
    known?.end();
    const { offsets, topic, groupId, queue } = this.#context;
    const committed = await offsets.committed(topic, groupId, number);
    if (committed !== undefined && first > committed) {
      this.#consumer?.seek({ topic, partition: number, offset: String(committed) });
      return undefined;
    }
    const partition = new AssignedPartition(number, queue);
    this.#partitions.set(number, partition);
    return partition;
  }

  /** Delivers one batch; false when there is nothing to deliver now. */
  #deliverNext(partition: AssignedPartition): Promise<boolean> {
    return this.#turn.run(async () => {
      if (this.#closed || partition.ended) return false;
      const delivered = !this.#paused && (await partition.queue.deliverNext());
      failpoint('event-bus.before-commit');
      this.#commitSoon();
      this.#schedule(partition);
      return delivered;
    });
  }

  /** Looks at the partition again when a pause before another attempt is over. */
  #schedule(partition: AssignedPartition): void {
    const dueMs = this.#closed || this.#paused ? undefined : partition.nextDueMs();
    partition.wakeAt(dueMs, () => void this.#deliverNext(partition));
  }

  #commitSoon(delayMs = COMMIT_INTERVAL_MS): void {
    if (!this.#closed) this.#commitTimer ??= setTimeout(() => void this.#commit(), delayMs);
  }

  /** Commits for all partitions the offset before which all is done. What fails is tried again; in the end it only repeats deliveries. */
  #commit(): Promise<void> {
    clearTimeout(this.#commitTimer);
    this.#commitTimer = undefined;
    return this.#committing.run(async () => {
      const open = [...this.#partitions.values()].filter((partition) => !partition.ended && partition.position() !== partition.committed);
      const due = open.map((partition) => ({ partition, offset: partition.position() }));
      const consumer = this.#consumer;
      if (due.length === 0 || consumer === undefined) return;
      try {
        const { topic } = this.#context;
        await consumer.commitOffsets(due.map(({ partition, offset }) => ({ topic, partition: partition.number, offset: `${offset}` })));
        for (const { partition, offset } of due) partition.committed = offset;
      } catch (error) {
        this.#context.logger.warn({ error, topic: this.#context.topic }, 'event-bus.commit-failed');
        this.#commitSoon(COMMIT_RETRY_MS);
      }
    });
  }
}

function isRejoin(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'type' in error && REJOIN_ERRORS.includes(error.type);
}

/** Messages that are no events of ours become dead letters; the handler gets the others. */
async function refuseForeign(events: readonly ReceivedEvent[], handler: QueueContext['handler']): Promise<readonly EventFailure[]> {
  const foreign = events.flatMap(({ id, problem }) => (problem === undefined ? [] : [{ id, reason: problem, retriable: false }]));
  if (foreign.length === 0) return handler(events);
  const good = events.filter(({ problem }) => problem === undefined);
  return good.length === 0 ? foreign : [...foreign, ...(await handler(good))];
}
