import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ALL_TENANTS, systemScope } from '@cairn/core';
import type { KafkaEventBus } from '@cairn/event-bus/kafka';
import { ensureTopics } from '@cairn/event-bus/kafka';
import { serverForTests } from '@cairn/infra';
import { makeTempDir } from '@cairn/testing';
import { KafkaFixture, TOPIC, event, events, firstDeliveries, recorder, until } from './kafka-fixture.ts';

jest.setTimeout(120_000);
const folder = await makeTempDir();
const server = await serverForTests('kafka', { dataDir: folder.path });
const all = systemScope(ALL_TENANTS);
const one = systemScope('one');

/** Publishes events one after another in groups of `size`, from several callers at once, and tells when so many are under way. */
async function publishAll(bus: KafkaEventBus, count: number, size: number): Promise<void> {
  const outgoing = events(count);
  const publications: Promise<void>[] = [];
  for (let first = 0; first < count; first += size) {
    publications.push(bus.publish(one, TOPIC, outgoing.slice(first, first + size)));
    await sleep(1);
  }
  await Promise.all(publications);
}

(server?.ours === true ? describe : describe.skip)('KafkaEventBus and brokers that die', () => {
  let fixture: KafkaFixture;

  beforeEach(async () => {
    fixture = await KafkaFixture.create(server!.address);
  });

  afterEach(() => fixture.close());

  afterAll(async () => {
    await server!.stop();
    await folder.remove();
  });

  it('case 123: loses nothing and keeps the order of each study when the broker is killed while it is written to', async () => {
    const bus = fixture.bus();
    const publishing = publishAll(bus, 4000, 4);
    await until(async () => (await bus.lag(all, TOPIC, 'g')) > 500);
    await server!.kill9();
    await Promise.all([publishing, server!.restart()]);
    const seen = recorder();
    await bus.subscribe(all, TOPIC, 'g', seen.handler);
    await until(() => seen.distinct() === 4000);
    expect(firstDeliveries(seen.events)).toEqual(firstDeliveries(events(4000)));
  });

  it('loses nothing and keeps the order of each key when the broker is killed while two replicas read', async () => {
    const seen = recorder();
    const slow: typeof seen.handler = async (batch) => {
      await sleep(5);
      return seen.handler(batch);
    };
    await Promise.all([1, 2].map(() => fixture.bus().subscribe(all, TOPIC, 'g', slow, { maxBatch: 20 })));
    const publisher = fixture.bus();
    await publisher.publish(one, TOPIC, events(3000));
    await until(() => seen.events.length > 500);
    await server!.kill9();
    await server!.restart();
    await until(() => seen.distinct() === 3000);
    expect(firstDeliveries(seen.events)).toEqual(firstDeliveries(events(3000)));
    await until(async () => (await publisher.lag(all, TOPIC, 'g')) === 0);
    await publisher.publish(one, TOPIC, [event(3000)]);
    await until(() => seen.distinct() === 3001);
  });

  it('case 123: in a long outage publishers are told, in order; what is closed ends; all else goes on by itself afterwards', async () => {
    const bus = fixture.bus({ retries: 1 });
    const seen = recorder();
    await bus.subscribe(all, TOPIC, 'g', seen.handler);
    await bus.publish(one, TOPIC, [event(0)]);
    const closing = fixture.bus({ retries: 1 });
    await closing.subscribe(all, TOPIC, 'other', recorder().handler);
    await server!.kill9();
    const refused: string[] = [];
    const publications = [1, 2, 3].map((n) =>
      bus.publish(one, TOPIC, [event(n)]).catch((error: { code: string; retriable: boolean }) => {
        refused.push(`${n} ${error.code} ${error.retriable}`);
      }),
    );
    await Promise.all(publications);
    expect(refused).toEqual([1, 2, 3].map((n) => `${n} event-bus.unavailable true`));
    await closing.close();
    await server!.restart();
    await bus.publish(one, TOPIC, [event(4)]);
    await until(() => seen.events.some(({ id }) => id === '4'));
  });

  it('case 129: goes on from the oldest event there is when the broker has lost the tail of a topic', async () => {
    const bus = fixture.bus();
    const seen = recorder();
    await bus.subscribe(all, TOPIC, 'g', seen.handler);
    await bus.publish(one, TOPIC, events(100));
    await until(async () => seen.distinct() === 100 && (await bus.lag(all, TOPIC, 'g')) === 0);
    await server!.kill9();
    await loseEvents(join(folder.path, 'data'), fixture.topic);
    await server!.restart();
    await bus.publish(one, TOPIC, events(120).slice(100));
    await until(() => seen.distinct() === 120);
  });

  it('case 129: goes on when a topic was deleted and created again', async () => {
    const bus = fixture.bus();
    const seen = recorder();
    await bus.subscribe(all, TOPIC, 'g', seen.handler);
    await bus.publish(one, TOPIC, events(100));
    await until(async () => seen.distinct() === 100 && (await bus.lag(all, TOPIC, 'g')) === 0);
    const admin = fixture.client.admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [fixture.topic] });
    await admin.disconnect();
    await ensureTopics(fixture.options, [{ name: TOPIC, partitions: 3 }]);
    await bus.publish(one, TOPIC, events(120).slice(100));
    await until(() => seen.distinct() === 120);
  });
});

/** Empties the partitions of a topic on a broker that does not run. */
async function loseEvents(dataDir: string, topic: string): Promise<void> {
  const partitions = (await readdir(dataDir)).filter((name) => name.startsWith(`${topic}-`));
  for (const partition of partitions) {
    for (const file of await readdir(join(dataDir, partition))) {
      if (file !== 'partition.metadata') await rm(join(dataDir, partition, file));
    }
  }
}
