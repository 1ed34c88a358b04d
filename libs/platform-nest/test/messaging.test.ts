import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Inject, Module } from '@nestjs/common';
import type { INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { ALL_TENANTS, CairnError, systemScope } from '@cairn/core';
import type { DeliveredEvent, EventBus, EventFailure, OutgoingEvent } from '@cairn/event-bus';
import { KafkaEventBus, ensureTopics } from '@cairn/event-bus/kafka';
import { SqliteEventBus } from '@cairn/event-bus/sqlite';
import { serverForTests } from '@cairn/infra';
import { Metrics } from '@cairn/telemetry';
import { makeTempDir } from '@cairn/testing';
import { EventBatch, EventBatchContext, EventBusStrategy } from '../src/messaging/index.ts';

jest.setTimeout(60_000);
const kafka = await serverForTests('kafka');
const all = systemScope(ALL_TENANTS);
const one = systemScope('one');
const SEEN = Symbol('seen');
const TOPIC = 'ingest.v1';

interface Seen {
  batches: (readonly DeliveredEvent[])[];
  contexts: EventBatchContext[];
  others: string[];
}

@Controller()
class SampleController {
  readonly #seen: Seen;

  constructor(@Inject(SEEN) seen: Seen) {
    this.#seen = seen;
  }

  @EventBatch({ topic: TOPIC, group: 'indexer', types: ['received'], maxAttempts: 2, retryDelayMs: 1 })
  async index(@Payload() events: readonly DeliveredEvent[], @Ctx() context: EventBatchContext): Promise<readonly EventFailure[]> {
    this.#seen.batches.push(events);
    this.#seen.contexts.push(context);
    return events.flatMap(({ id }) => (id.startsWith('bad') ? [{ id, reason: 'cannot be indexed', retriable: false }] : []));
  }

  @EventBatch({ topic: TOPIC, group: 'other', maxAttempts: 2, retryDelayMs: 1 })
  async other(events: readonly DeliveredEvent[]): Promise<void> {
    this.#seen.others.push(...events.map(({ id }) => id));
    if (events.some(({ id }) => id === 'bad 1')) throw new Error('the disk is full');
  }
}

@Controller()
class MarkedOtherwise {
  @EventPattern<string>('ingest.v1')
  async index(): Promise<void> {}
}

@Controller()
class MarkedTwice {
  @EventBatch({ topic: TOPIC, group: 'g' })
  async first(): Promise<void> {}

  @EventBatch({ topic: TOPIC, group: 'g' })
  async second(): Promise<void> {}
}

@Module({})
class SampleModule {}

function moduleOf(controller: new (...args: never[]) => object, seen: Seen): object {
  return { module: SampleModule, controllers: [controller], providers: [{ provide: SEEN, useValue: seen }] };
}

function event(id: string, type = 'received'): OutgoingEvent {
  return { id, key: 'one|study', type, data: '{}' };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

type OpenBus = () => Promise<{ bus: EventBus; destroy: () => Promise<void> }>;

async function openSqlite(): ReturnType<OpenBus> {
  const folder = await makeTempDir();
  return { bus: await SqliteEventBus.open({ file: `${folder.path}/events.sqlite` }), destroy: () => folder.remove() };
}

async function openKafka(): ReturnType<OpenBus> {
  const options = { brokers: kafka!.address.split(','), prefix: `${randomUUID()}.` };
  await ensureTopics(options, [{ name: TOPIC, partitions: 3 }]);
  return { bus: new KafkaEventBus(options), destroy: async () => undefined };
}

afterAll(() => kafka?.stop());

describe.each<{ name: string; open: OpenBus; missing: boolean }>([
  { name: 'the in-process bus', open: openSqlite, missing: false },
  { name: 'Kafka', open: openKafka, missing: kafka === undefined },
])('EventBusStrategy over $name', ({ open, missing }) => {
  const test = missing ? it.skip : it;
  let bus: EventBus;
  let destroy: () => Promise<void>;
  let seen: Seen;
  let app: INestMicroservice;
  let strategy: EventBusStrategy;

  beforeEach(async () => {
    if (missing) return;
    ({ bus, destroy } = await open());
    seen = { batches: [], contexts: [], others: [] };
    strategy = new EventBusStrategy({ bus });
    app = await NestFactory.createMicroservice(moduleOf(SampleController, seen), { strategy, logger: false });
  });

  afterEach(async () => {
    if (missing) return;
    await app.close();
    await bus.close();
    await destroy();
  });

  test('gives a handler the whole batch of a partition', async () => {
    await bus.publish(
      one,
      TOPIC,
      ['1', '2', '3'].map((id) => event(id)),
    );
    await app.listen();
    await until(() => seen.batches.length === 1);
    expect(seen.batches[0]!.map(({ id, tenant, key }) => [id, tenant, key])).toEqual(['1', '2', '3'].map((id) => [id, 'one', 'one|study']));
    expect(seen.contexts[0]).toBeInstanceOf(EventBatchContext);
    expect([seen.contexts[0]!.getTopic(), seen.contexts[0]!.getGroup()]).toEqual([TOPIC, 'indexer']);
    await until(async () => (await bus.lag(all, TOPIC, 'indexer')) === 0);
    expect(strategy.unwrap()).toBe(bus);
  });

  test('reports failures per event, and a thrown error with its own reason, to the dead letters', async () => {
    await bus.publish(one, TOPIC, [event('1'), event('bad 1'), event('2')]);
    await app.listen();
    await until(async () => (await bus.lag(all, TOPIC, 'indexer')) === 0 && (await bus.lag(all, TOPIC, 'other')) === 0);
    const letters = await bus.deadLetters(all, TOPIC, 'indexer');
    expect(letters.map(({ event: dead, reason }) => [dead.id, dead.attempt, reason])).toEqual([['bad 1', 1, 'cannot be indexed']]);
    const thrown = await bus.deadLetters(all, TOPIC, 'other');
    expect(thrown.map(({ event: dead, reason }) => [dead.id, dead.attempt, reason])).toEqual(
      ['1', 'bad 1', '2'].map((id) => [id, 2, 'Error: the disk is full']),
    );
    expect(await bus.replay(all, TOPIC, 'other', '2')).toBe(true);
    await until(() => seen.others.length === 7);
  });

  test('case 127: an event of a type that no handler knows becomes a dead letter', async () => {
    await bus.publish(one, TOPIC, [event('1'), event('2', 'ingest.v9.something'), event('3')]);
    await app.listen();
    await until(async () => (await bus.lag(all, TOPIC, 'indexer')) === 0);
    expect(seen.batches.flat().map(({ id }) => id)).toEqual(['1', '3']);
    const letters = await bus.deadLetters(all, TOPIC, 'indexer');
    expect(letters.map(({ event: dead, reason }) => [dead.id, reason])).toEqual([
      ['2', 'No handler knows events of type ingest.v9.something.'],
    ]);
  });

  test('is ready once it is subscribed, and subscribes no more after closing', async () => {
    await expect(strategy.readiness.check()).rejects.toMatchObject({ code: 'event-bus.unavailable' });
    await app.listen();
    await strategy.readiness.check();
    await app.close();
    await expect(strategy.readiness.check()).rejects.toMatchObject({ code: 'event-bus.unavailable' });
    await bus.publish(one, TOPIC, [event('1')]);
    expect(await bus.lag(all, TOPIC, 'indexer')).toBe(1);
    expect(seen.batches).toEqual([]);
  });

  test('starts without a bus and subscribes when it is there', async () => {
    const subscribe = bus.subscribe.bind(bus);
    let refusals = 2;
    bus.subscribe = async (...args) => {
      if (refusals-- > 0) throw new CairnError('event-bus.unavailable', 'down', { retriable: true });
      return subscribe(...args);
    };
    await app.listen();
    await expect(strategy.readiness.check()).rejects.toMatchObject({ code: 'event-bus.unavailable' });
    await until(() =>
      strategy.readiness
        .check()
        .then(() => true)
        .catch(() => false),
    );
    await bus.publish(one, TOPIC, [event('1')]);
    await until(() => seen.batches.length === 1);
  });

  test('closes a subscription that was being made when it was closed', async () => {
    const subscribe = bus.subscribe.bind(bus);
    const goOn = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    bus.subscribe = async (...args) => {
      started.resolve();
      await goOn.promise;
      return subscribe(...args);
    };
    const listening = app.listen();
    await started.promise;
    const closing = app.close();
    goOn.resolve();
    await Promise.all([listening, closing]);
    await bus.publish(one, TOPIC, [event('1')]);
    expect(await bus.lag(all, TOPIC, 'indexer')).toBe(1);
    expect(seen.batches).toEqual([]);
  });

  test('shows the lag of every handler', async () => {
    const metrics = new Metrics();
    const measured = await NestFactory.createMicroservice(moduleOf(SampleController, seen), {
      strategy: new EventBusStrategy({ bus, metrics }),
      logger: false,
    });
    await measured.listen();
    await measured.close();
    await bus.publish(one, TOPIC, [event('1'), event('2')]);
    const text = await metrics.render();
    for (const group of ['indexer', 'other']) expect(text).toContain(`cairn_event_lag{topic="${TOPIC}",group="${group}"} 2`);
  });

  test.each([MarkedOtherwise, MarkedTwice])('refuses to start with handlers that are marked wrongly (%p)', async (controller) => {
    const wrong = await NestFactory.createMicroservice(moduleOf(controller, seen), {
      strategy: new EventBusStrategy({ bus }),
      logger: false,
    });
    await expect(wrong.listen()).rejects.toMatchObject({ code: 'config.invalid' });
    await wrong.close();
  });
});
