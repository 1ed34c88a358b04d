import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ALL_TENANTS, systemScope } from '@cairn/core';
import { serverForTests } from '@cairn/infra';
import { FaultProxy } from '@cairn/testing';
import type { LinkState } from '@cairn/testing';
import { KafkaFixture, TOPIC, events, firstDeliveries, recorder, until } from './kafka-fixture.ts';

jest.setTimeout(120_000);
const proxy = await FaultProxy.start();
const server = await serverForTests('kafka', { proxyPort: proxy.port });
const all = systemScope(ALL_TENANTS);
const one = systemScope('one');

/** Shapes of a link that is bad and still passes everything. */
const POOR: readonly LinkState[] = [
  { kind: 'open', latencyMs: 40 },
  { kind: 'open', bytesPerSecond: 200_000 },
  { kind: 'open', sliceBytes: 7 },
];
/** Shapes that pass nothing whole. */
const BROKEN: readonly LinkState[] = [
  { kind: 'stalled' },
  { kind: 'half-open', lost: 'requests' },
  { kind: 'half-open', lost: 'answers' },
  { kind: 'reset' },
  { kind: 'open', resetAfterBytes: 100 },
];

(server?.ours === true ? describe : describe.skip)('case 139: KafkaEventBus over a link with faults', () => {
  let fixture: KafkaFixture;

  beforeEach(async () => {
    proxy.target = server!.addressForProxy;
    fixture = await KafkaFixture.create(proxy.address);
  });

  afterEach(async () => {
    proxy.set({ kind: 'open' });
    await fixture.close();
  });

  afterAll(async () => {
    await server!.stop();
    await proxy.close();
  });

  it.each(POOR)('delivers all in order over one that is poor: %j', async (state) => {
    const bus = fixture.bus();
    const seen = recorder();
    proxy.set(state);
    await bus.subscribe(all, TOPIC, 'g', seen.handler);
    await bus.publish(one, TOPIC, events(200));
    await until(() => seen.distinct() === 200);
    expect(firstDeliveries(seen.events)).toEqual(firstDeliveries(events(200)));
  });

  it.each(BROKEN)('tells publishers that it is broken, and recovers by itself, in order: %j', async (state) => {
    const bus = fixture.bus({ retries: 1, requestTimeoutMs: 1500 });
    const seen = recorder();
    await bus.subscribe(all, TOPIC, 'g', seen.handler);
    await bus.publish(one, TOPIC, events(50));
    await until(() => seen.distinct() === 50);
    proxy.set(state);
    await expect(bus.publish(one, TOPIC, events(100).slice(50))).rejects.toMatchObject({ code: 'event-bus.unavailable', retriable: true });
    await expect(bus.lag(all, TOPIC, 'g')).rejects.toMatchObject({ code: 'event-bus.unavailable', retriable: true });
    proxy.set({ kind: 'open' });
    await bus.publish(one, TOPIC, events(100).slice(50));
    await until(() => seen.distinct() === 100);
    expect(firstDeliveries(seen.events)).toEqual(firstDeliveries(events(100)));
    await until(async () => (await bus.lag(all, TOPIC, 'g')) === 0);
  });
});
