import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ALL_TENANTS, systemScope } from '@cairn/core';
import { ensureTopics } from '@cairn/event-bus/kafka';
import { serverForTests } from '@cairn/infra';
import { KafkaFixture, TOPIC, event, events, firstDeliveries, recorder, until } from './kafka-fixture.ts';

jest.setTimeout(60_000);
const server = await serverForTests('kafka');
const all = systemScope(ALL_TENANTS);
const one = systemScope('one');

(server === undefined ? describe.skip : describe)('KafkaEventBus', () => {
  let fixture: KafkaFixture;

  beforeEach(async () => {
    fixture = await KafkaFixture.create(server!.address);
  });

  afterEach(() => fixture.close());

  afterAll(() => server!.stop());

  it('writes CloudEvents in binary mode, keyed by tenant and study', async () => {
    await fixture.bus({ source: '/cairn/test' }).publish(one, TOPIC, [event(1)]);
    const [message] = await fixture.read(fixture.topic, 1);
    const headers = Object.fromEntries(Object.entries(message!.headers!).map(([name, value]) => [name, String(value)]));
    expect(String(message!.key)).toBe('one|study');
    expect(String(message!.value)).toBe('{"n":1}');
    expect(headers).toEqual({
      ce_specversion: '1.0',
      ce_id: '1',
      ce_source: '/cairn/test',
      ce_type: 'test',
      ce_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      ce_tenant: 'one',
      'content-type': 'application/json',
    });
  });

  it('creates topics once, whoever asks and how often', async () => {
    await fixture.bus().publish(one, TOPIC, [event(1)]);
    const wanted = [{ name: TOPIC, partitions: 6 }, { name: 'dicom.study.v1' }];
    await Promise.all([ensureTopics(fixture.options, wanted), ensureTopics(fixture.options, wanted)]);
    const admin = fixture.client.admin();
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: [fixture.topic, `${fixture.options.prefix}dicom.study.v1`] });
    await admin.disconnect();
    expect(topics.map(({ partitions }) => partitions.length).toSorted((a, b) => a - b)).toEqual([3, 12]);
    expect(await fixture.read(fixture.topic, 1)).toHaveLength(1);
  });

  it('keeps what goes to one partition below the limit that brokers have by default', async () => {
    await fixture.createTopic('plain.v1', {});
    const data = 'x'.repeat(64 * 1024);
    await fixture.bus().publish(
      one,
      'plain.v1',
      events(300, 1).map((outgoing) => ({ ...outgoing, data })),
    );
    expect(await fixture.bus().lag(all, 'plain.v1', 'g')).toBe(300);
  });

  it('tells a publisher whose event the brokers refuse, and takes the events of others', async () => {
    await fixture.createTopic('small.v1', { 'max.message.bytes': '2000' });
    const bus = fixture.bus();
    const large = { ...event(1), data: 'x'.repeat(800 * 1024) };
    const results = await Promise.allSettled([bus.publish(one, 'small.v1', [large]), bus.publish(one, TOPIC, [event(2)])]);
    expect(results).toEqual([
      { status: 'rejected', reason: expect.objectContaining({ code: 'event-bus.unavailable', retriable: false }) },
      { status: 'fulfilled', value: undefined },
    ]);
    await bus.publish(one, 'small.v1', [event(3)]);
  });

  it('refuses publishers while 64 MiB wait, and takes them again afterwards', async () => {
    const bus = fixture.bus();
    const data = 'x'.repeat(1024 * 1024);
    const publish = (n: number): Promise<void> => bus.publish(one, TOPIC, [{ ...event(n), data }]);
    const results = await Promise.allSettled(Array.from({ length: 80 }, (_, n) => publish(n)));
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThan(10);
    expect(refused[0]!.reason).toMatchObject({ code: 'event-bus.unavailable', retriable: true });
    await publish(80);
    expect(await bus.lag(all, TOPIC, 'g')).toBe(81 - refused.length);
  });

  it('shares partitions among the replicas of a group; what one leaves another takes up', async () => {
    const [first, second] = [recorder(), recorder()];
    const leaving = await fixture.bus().subscribe(all, TOPIC, 'g', first.handler, { maxBatch: 10 });
    const publisher = fixture.bus();
    await publisher.publish(one, TOPIC, events(300));
    await until(() => first.events.length > 50);
    await fixture.bus().subscribe(all, TOPIC, 'g', second.handler, { maxBatch: 10 });
    await publisher.publish(one, TOPIC, events(600).slice(300));
    await until(() => new Set([...first.events, ...second.events].map(({ id }) => id)).size === 600);
    await leaving.close();
    const before = first.events.length;
    await publisher.publish(one, TOPIC, events(900).slice(600));
    await until(async () => (await publisher.lag(all, TOPIC, 'g')) === 0);
    expect(first.events).toHaveLength(before);
    expect(second.distinct()).toBeGreaterThanOrEqual(300);
    expect(new Set([...first.events, ...second.events].map(({ id }) => id)).size).toBe(900);
  });

  it('takes no event out of order while a replica joins', async () => {
    const seen = recorder();
    const publisher = fixture.bus();
    await fixture.bus().subscribe(all, TOPIC, 'g', seen.handler, { maxBatch: 5 });
    const publishing = publisher.publish(one, TOPIC, events(500));
    const joining = fixture.bus().subscribe(all, TOPIC, 'g', seen.handler, { maxBatch: 5 });
    await Promise.all([publishing, joining]);
    await until(async () => (await publisher.lag(all, TOPIC, 'g')) === 0);
    expect(firstDeliveries(seen.events)).toEqual(firstDeliveries(events(500)));
  });

  it('case 124: what a replica did not commit before it was killed comes again, to another', async () => {
    await fixture.bus().publish(one, TOPIC, events(300));
    const { brokers, prefix } = fixture.options;
    const program = join(import.meta.dirname, 'consume-until-killed.program.ts');
    const parameters = [
      '--conditions=@cairn/source',
      '--disable-warning=TimeoutNegativeWarning',
      program,
      brokers.join(','),
      prefix,
      TOPIC,
    ];
    const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [output, [, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    expect(signal).toBe('SIGKILL');
    const effects = output
      .trim()
      .split('\n')
      .map((line) => ({ id: line.split(' ')[0]!, key: line.split(' ')[1]! }));
    const seen = recorder();
    const bus = fixture.bus();
    await bus.subscribe(all, TOPIC, 'g', seen.handler);
    await until(async () => (await bus.lag(all, TOPIC, 'g')) === 0);
    const again = effects.filter(({ id }) => seen.events.some((event) => event.id === id));
    expect(again.length).toBeGreaterThan(0);
    expect(firstDeliveries([...effects, ...seen.events])).toEqual(firstDeliveries(events(300)));
  });

  it('case 125: a poison event is tried again, halts its key only, becomes a dead letter that tells why, and is replayed', async () => {
    const bus = fixture.bus();
    const seen = recorder();
    let poison = true;
    const handler: typeof seen.handler = async (batch) => {
      await seen.handler(batch);
      return batch.flatMap(({ id }) => (poison && id === '1' ? [{ id, reason: 'no such syntax', retriable: true }] : []));
    };
    await bus.subscribe(all, TOPIC, 'g', handler, { maxAttempts: 3, retryDelayMs: 50, maxBatch: 1 });
    await bus.publish(one, TOPIC, [event(1, 'one|a'), event(2, 'one|a'), event(3, 'one|b')]);
    await until(() => seen.events.length === 5);
    const ids = seen.events.map(({ id }) => id);
    expect(ids.filter((id) => id !== '3')).toEqual(['1', '1', '1', '2']);
    const letters = await bus.deadLetters(all, TOPIC, 'g');
    const { sequence, ...dead } = letters[0]!.event;
    expect(letters).toHaveLength(1);
    expect(letters[0]).toMatchObject({ topic: TOPIC, group: 'g', reason: 'no such syntax' });
    expect(dead).toMatchObject({ id: '1', key: 'one|a', tenant: 'one', type: 'test', data: '{"n":1}', attempt: 3 });
    const [record] = await fixture.read(`${fixture.topic}.dead-letters`, 1);
    expect(String(record!.headers!['cairn_offset'])).toBe(String(sequence));
    expect(String(record!.headers!['cairn_reason'])).toBe('no such syntax');
    poison = false;
    expect(await bus.replay(all, TOPIC, 'g', '1')).toBe(true);
    await until(() => seen.events.length === 6);
    expect(seen.events.at(-1)).toMatchObject({ id: '1', attempt: 1 });
    expect(await bus.replay(all, TOPIC, 'g', '1')).toBe(false);
  });

  it('case 127: takes newer minor versions and headers that it does not know; what is no event of ours becomes a dead letter', async () => {
    const bus = fixture.bus();
    const seen = recorder();
    const good = { ce_specversion: '1.0', ce_id: 'x', ce_type: 'test', ce_tenant: 'one' };
    const without = (name: keyof typeof good): Record<string, string> =>
      Object.fromEntries(Object.entries(good).filter(([n]) => n !== name));
    await fixture.send([
      { key: 'k', value: '{}', headers: { ...good, ce_id: 'minor', ce_specversion: '1.1', ce_new: 'x', other: 'y' } },
      { key: 'k', value: '{}', headers: { ...good, ce_id: 'major', ce_specversion: '2.0' } },
      { key: 'k', value: '{}', headers: without('ce_id') },
      { key: 'k', value: '{}', headers: { ...good, ce_id: 'tenant', ce_tenant: '../other' } },
      { key: 'k', value: null, headers: { ...good, ce_id: 'empty' } },
      { key: 'k', value: 'text' },
      { key: 'k', value: '{}', headers: { ...good, ce_id: 'last' } },
    ]);
    await bus.subscribe(all, TOPIC, 'g', seen.handler);
    await until(() => seen.events.length === 2);
    expect(seen.events.map(({ id }) => id)).toEqual(['minor', 'last']);
    await until(async () => (await bus.lag(all, TOPIC, 'g')) === 0);
    const letters = await bus.deadLetters(all, TOPIC, 'g');
    expect(letters.map(({ event: dead, reason }) => `${dead.id}: ${reason}`).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      'empty: The message has no value.',
      'major: The message is no CloudEvent of version 1.',
      'offset 2: The message has no header ce_id.',
      'offset 5: The message is no CloudEvent of version 1.',
      'tenant: The header ce_tenant names no tenant.',
    ]);
  });

  it('tells at once when there are no brokers', async () => {
    const bus = fixture.bus({ brokers: ['127.0.0.1:1'], retries: 0 });
    const unavailable = { code: 'event-bus.unavailable', retriable: true };
    await expect(bus.publish(one, TOPIC, [event(1)])).rejects.toMatchObject(unavailable);
    await expect(bus.subscribe(all, TOPIC, 'g', recorder().handler)).rejects.toMatchObject(unavailable);
    await expect(bus.subscribe(all, TOPIC, 'g', recorder().handler)).rejects.toMatchObject(unavailable);
    await expect(bus.lag(all, TOPIC, 'g')).rejects.toMatchObject(unavailable);
    await expect(bus.deadLetters(all, TOPIC, 'g')).rejects.toMatchObject(unavailable);
    await expect(ensureTopics({ brokers: ['127.0.0.1:1'], retries: 0 }, [{ name: TOPIC }])).rejects.toMatchObject(unavailable);
  });
});
