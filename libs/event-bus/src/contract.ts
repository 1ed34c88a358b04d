import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ALL_TENANTS, CairnError, systemScope } from '@cairn/core';
import type { ErrorCode, Scope } from '@cairn/core';
import type {
  DeliveredEvent,
  EventBus,
  EventBusObserver,
  EventBusSupports,
  EventFailure,
  EventHandler,
  OutgoingEvent,
} from './event-bus.ts';

/** A bus under test: `reopen` gives a bus on the same log after the one before was closed. */
export interface BusUnderTest {
  bus: EventBus;
  reopen: () => Promise<EventBus>;
  destroy: () => Promise<void>;
}

const all = systemScope(ALL_TENANTS);
const one = systemScope('one');
const two = systemScope('two');
const TOPIC = 'ingest.v1';
const FAST = { retryDelayMs: 1 };

/** What every {@link EventBus} must do. `create` gives one with an empty log that tells the observer. */
export function describeEventBusContract(
  name: string,
  create: (observer: EventBusObserver) => Promise<BusUnderTest>,
  supports: EventBusSupports,
): void {
  describe(`${name} as an EventBus`, () => {
    let current: BusUnderTest;
    let bus: EventBus;
    let buried: string[];

    beforeEach(async () => {
      buried = [];
      current = await create({ buried: (topic, group) => void buried.push(`${topic} ${group}`) });
      bus = current.bus;
    });

    afterEach(async () => {
      await bus.close();
      await current.destroy();
    });

    const reopen = async (): Promise<void> => {
      await bus.close();
      bus = await current.reopen();
    };

    it('tells what it supports', () => {
      expect(bus.supports).toEqual(supports);
    });

    describeDelivery(() => bus, reopen);
    describeFailures(
      () => bus,
      reopen,
      () => buried,
    );
    describeGroups(() => bus, reopen, supports);
  });
}

function describeDelivery(bus: () => EventBus, reopen: () => Promise<void>): void {
  it('delivers events with their fields, in the order of publication within a key', async () => {
    const seen = recorder();
    await bus().subscribe(all, TOPIC, 'g', seen.handler);
    await Promise.all(numbers(300).map((n) => bus().publish(one, TOPIC, [event(n, `one|study${n % 3}`)])));
    await seen.count(300);
    for (const k of [0, 1, 2]) {
      const ofKey = seen.events.filter(({ key }) => key === `one|study${k}`).map(({ id }) => Number(id));
      expect(ofKey).toEqual(numbers(300).filter((n) => n % 3 === k));
    }
    expect(seen.events.find(({ id }) => id === '7')).toMatchObject({
      id: '7',
      key: 'one|study1',
      type: 'test',
      data: 'data 7',
      tenant: 'one',
      attempt: 1,
      sequence: expect.any(Number),
      publishedMs: expect.any(Number),
    });
    await drained(bus(), all);
  });

  it('keeps the trace context of an event that has one: live, read from the log, as a dead letter and replayed', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const seen = recorder();
    await bus().publish(one, TOPIC, [{ ...event(1), traceparent }, event(2)]);
    await bus().subscribe(all, TOPIC, 'g', async (events) => {
      await seen.handler(events);
      return events.flatMap(({ id, attempt }) => (id === '3' && attempt === 1 ? [{ id, reason: 'no', retriable: false }] : []));
    });
    await seen.count(2);
    await bus().publish(one, TOPIC, [{ ...event(3), traceparent }, event(4)]);
    await seen.count(4);
    await drained(bus(), all);
    expect(seen.events.map((delivered) => delivered.traceparent)).toEqual([traceparent, undefined, traceparent, undefined]);
    expect((await bus().deadLetters(all, TOPIC, 'g'))[0]!.event.traceparent).toBe(traceparent);
    await bus().replay(all, TOPIC, 'g', '3');
    await seen.count(5);
    expect(seen.events[4]).toMatchObject({ id: '3', traceparent });
  });

  it('delivers what was published before the group subscribed', async () => {
    const published = numbers(450).map((n) => event(n));
    await bus().publish(one, TOPIC, published);
    const seen = recorder();
    await bus().subscribe(all, TOPIC, 'g', seen.handler);
    await seen.count(450);
    expect(seen.ids()).toEqual(numbers(450).map(String));
  });

  it('loses and repeats nothing when a slow handler falls behind many publications', async () => {
    const seen = recorder(async () => new Promise((resolve) => setTimeout(resolve, 1)));
    await bus().subscribe(all, TOPIC, 'g', seen.handler, { maxBatch: 100 });
    for (let first = 0; first < 5000; first += 50)
      await bus().publish(
        one,
        TOPIC,
        numbers(50).map((n) => event(first + n)),
      );
    await seen.count(5000);
    expect(seen.ids()).toEqual(numbers(5000).map(String));
  });

  it('gives batches of at most maxBatch, one at a time', async () => {
    await bus().publish(
      one,
      TOPIC,
      numbers(100).map((n) => event(n)),
    );
    let running = 0;
    const sizes: number[] = [];
    const seen = recorder(async (events) => {
      running += 1;
      sizes.push(events.length);
      expect(running).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
    });
    await bus().subscribe(all, TOPIC, 'g', seen.handler, { maxBatch: 7 });
    await seen.count(100);
    expect(Math.max(...sizes)).toBe(7);
  });

  it('takes data of 1 MiB and refuses more', async () => {
    const seen = recorder();
    await bus().subscribe(all, TOPIC, 'g', seen.handler);
    const data = 'é'.repeat(512 * 1024);
    await bus().publish(one, TOPIC, [{ ...event(1), data }]);
    await seen.count(1);
    expect(seen.events[0]!.data).toBe(data);
    await expect(bus().publish(one, TOPIC, [{ ...event(2), data: `${data}x` }])).rejects.toThrow('1 MiB');
  });

  it('takes 1,000 events of 64 KiB under one key at once, and delivers them in order', async () => {
    const data = 'x'.repeat(64 * 1024);
    const seen = recorder();
    await bus().subscribe(all, TOPIC, 'g', seen.handler);
    await bus().publish(
      one,
      TOPIC,
      numbers(1000).map((n) => ({ ...event(n), data })),
    );
    await seen.count(1000);
    expect(seen.ids()).toEqual(numbers(1000).map(String));
    expect(seen.events.every((delivered) => delivered.data === data)).toBe(true);
  });

  it('survives a restart: what was not committed is delivered, what was is not', async () => {
    const first = recorder();
    await bus().subscribe(all, TOPIC, 'g', first.handler);
    await bus().publish(one, TOPIC, [event(1), event(2)]);
    await first.count(2);
    await reopen();
    await bus().publish(one, TOPIC, [event(3)]);
    await reopen();
    const second = recorder();
    await bus().subscribe(all, TOPIC, 'g', second.handler);
    await bus().publish(one, TOPIC, [event(4)]);
    await second.count(2);
    expect(second.ids()).toEqual(['3', '4']);
  });

  it('pauses and resumes', async () => {
    const seen = recorder();
    const subscription = await bus().subscribe(all, TOPIC, 'g', seen.handler);
    subscription.pause();
    await bus().publish(one, TOPIC, [event(1)]);
    expect(await bus().lag(all, TOPIC, 'g')).toBe(1);
    expect(seen.ids()).toEqual([]);
    subscription.resume();
    await seen.count(1);
  });

  it('ends a subscription after the batch under way; another takes over where it ended', async () => {
    let finish = (): void => undefined;
    const gate = new Promise<void>((resolve) => (finish = resolve));
    const first = recorder(() => gate);
    const subscription = await bus().subscribe(all, TOPIC, 'g', first.handler, { maxBatch: 2 });
    await bus().publish(one, TOPIC, [event(1), event(2), event(3), event(4)]);
    await first.count(2);
    const closing = subscription.close();
    finish();
    await closing;
    expect(first.ids()).toEqual(['1', '2']);
    const second = recorder();
    await bus().subscribe(all, TOPIC, 'g', second.handler);
    await second.count(2);
    expect(second.ids()).toEqual(['3', '4']);
  });

  it('refuses everything when closed', async () => {
    await bus().close();
    await expectCode(bus().publish(one, TOPIC, [event(1)]), 'event-bus.unavailable');
    await expectCode(bus().subscribe(all, TOPIC, 'g', recorder().handler), 'event-bus.unavailable');
    await expectCode(bus().lag(all, TOPIC, 'g'), 'event-bus.unavailable');
  });
}

function describeFailures(bus: () => EventBus, reopen: () => Promise<void>, buried: () => readonly string[]): void {
  it('delivers a failed event again and holds back only later events of its key', async () => {
    let failures = 2;
    const seen = recorder((events) => failIf(events, ({ id }) => id === '1' && failures-- > 0));
    // Long enough for the other key's event to come on a slow machine.
    await bus().subscribe(all, TOPIC, 'g', seen.handler, { ...FAST, maxBatch: 1, retryDelayMs: 500 });
    await bus().publish(one, TOPIC, [event(1, 'one|a'), event(2, 'one|a'), event(3, 'one|b'), event(4, 'one|a')]);
    await seen.count(6);
    expect(seen.ids().filter((id) => id !== '3')).toEqual(['1', '1', '1', '2', '4']);
    expect(seen.ids().indexOf('3')).toBeLessThan(seen.ids().indexOf('2'));
    expect(seen.events.filter(({ id }) => id === '1').map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    await drained(bus(), all);
  });

  it('counts a thrown error as the failure of the whole batch, and repeats it in order', async () => {
    let thrown = false;
    const seen = recorder(async () => {
      if (thrown) return;
      thrown = true;
      throw new Error('down');
    });
    await bus().publish(one, TOPIC, [event(1), event(2), event(3)]);
    await bus().subscribe(all, TOPIC, 'g', seen.handler, FAST);
    await seen.count(6);
    expect(seen.ids()).toEqual(['1', '2', '3', '1', '2', '3']);
    expect(await bus().deadLetters(all, TOPIC, 'g')).toEqual([]);
  });

  it('makes a dead letter after maxAttempts, or at once when told so, and goes on with the key', async () => {
    const seen = recorder((events) =>
      failIf(
        events,
        ({ id }) => id !== '3',
        (id) => id === '1',
      ),
    );
    await bus().subscribe(all, TOPIC, 'g', seen.handler, { ...FAST, maxAttempts: 3, maxBatch: 1 });
    await bus().publish(one, TOPIC, [event(1, 'one|a'), event(2, 'one|a'), event(3, 'one|a')]);
    await seen.count(5);
    expect(seen.ids()).toEqual(['1', '1', '1', '2', '3']);
    const letters = await bus().deadLetters(all, TOPIC, 'g');
    expect(letters.map(({ event: dead, reason, topic, group }) => [dead.id, dead.attempt, reason, topic, group])).toEqual([
      ['1', 3, 'because', TOPIC, 'g'],
      ['2', 1, 'because', TOPIC, 'g'],
    ]);
    expect(buried()).toEqual([`${TOPIC} g`, `${TOPIC} g`]);
    await drained(bus(), all);
  });

  it('keeps dead letters over a restart and replays them to their group only', async () => {
    const other = recorder();
    await bus().subscribe(all, TOPIC, 'other', other.handler);
    const failing = recorder((events) =>
      failIf(
        events,
        () => true,
        () => false,
      ),
    );
    await bus().subscribe(all, TOPIC, 'g', failing.handler);
    await bus().publish(one, TOPIC, [event(1)]);
    await failing.count(1);
    await other.count(1);
    await reopen();
    const seen = recorder();
    const others = recorder();
    await bus().subscribe(all, TOPIC, 'g', seen.handler);
    await bus().subscribe(all, TOPIC, 'other', others.handler);
    expect(await bus().replay(all, TOPIC, 'g', 'unknown')).toBe(false);
    expect(await bus().replay(all, TOPIC, 'other', '1')).toBe(false);
    expect(await bus().replay(all, TOPIC, 'g', '1')).toBe(true);
    await seen.count(1);
    expect(seen.events[0]).toMatchObject({ id: '1', key: 'one|study', data: 'data 1', tenant: 'one', attempt: 1 });
    expect(await bus().deadLetters(all, TOPIC, 'g')).toEqual([]);
    await bus().publish(one, TOPIC, [event(2)]);
    await others.count(1);
    expect(others.ids()).toEqual(['2']);
  });

  it('delivers an event that waited for another attempt again after a restart', async () => {
    const failing = recorder((events) => failIf(events, ({ id }) => id === '1'));
    await bus().subscribe(all, TOPIC, 'g', failing.handler, { retryDelayMs: 60_000 });
    await bus().publish(one, TOPIC, [event(1, 'one|a'), event(2, 'one|b'), event(3, 'one|a')]);
    await failing.count(3);
    expect(await bus().lag(all, TOPIC, 'g')).toBeGreaterThanOrEqual(2);
    await reopen();
    const seen = recorder();
    await bus().subscribe(all, TOPIC, 'g', seen.handler);
    await seen.has('3');
    expect(seen.ids().filter((id) => id !== '2')).toEqual(['1', '3']);
  });
}

function describeGroups(bus: () => EventBus, reopen: () => Promise<void>, supports: EventBusSupports): void {
  it('gives every group every event, each with its own position', async () => {
    const a = recorder();
    const b = recorder();
    await bus().subscribe(all, TOPIC, 'a', a.handler);
    await bus().publish(one, TOPIC, [event(1)]);
    await a.count(1);
    await bus().subscribe(all, TOPIC, 'b', b.handler);
    await bus().publish(one, TOPIC, [event(2)]);
    await a.count(2);
    await b.count(1);
    expect(b.ids().at(-1)).toBe('2');
  });

  it(`${supports.keepsCommitted ? 'keeps' : 'drops'} what all groups have committed`, async () => {
    const a = recorder();
    await bus().subscribe(all, TOPIC, 'a', a.handler);
    await bus().publish(one, TOPIC, [event(1), event(2)]);
    await a.count(2);
    await reopen();
    await bus().publish(one, TOPIC, [event(3)]);
    const late = recorder();
    await bus().subscribe(all, TOPIC, 'late', late.handler);
    const expected = supports.keepsCommitted ? ['1', '2', '3'] : ['3'];
    await late.count(expected.length);
    expect(late.ids()).toEqual(expected);
  });

  it('keeps topics apart', async () => {
    const seen = recorder();
    await bus().subscribe(all, TOPIC, 'g', seen.handler);
    await bus().publish(one, 'dicom.study.v1', [event(1)]);
    await bus().publish(one, TOPIC, [event(2)]);
    await seen.count(1);
    expect(seen.ids()).toEqual(['2']);
    expect(await bus().lag(all, 'dicom.study.v1', 'g')).toBe(1);
  });

  it('gives a tenant only its own events, also with the same ids and keys', async () => {
    const ofOne = recorder();
    const ofTwo = recorder();
    const ofAll = recorder();
    await bus().publish(two, TOPIC, [event(1)]);
    await bus().subscribe(one, TOPIC, 'g', ofOne.handler);
    await bus().subscribe(two, TOPIC, 'g', ofTwo.handler);
    await bus().subscribe(all, TOPIC, 'g', ofAll.handler);
    await bus().publish(one, TOPIC, [event(1)]);
    await ofOne.count(1);
    await ofTwo.count(1);
    await ofAll.count(2);
    expect(ofOne.events.map(({ tenant }) => tenant)).toEqual(['one']);
    expect(ofTwo.events.map(({ tenant }) => tenant)).toEqual(['two']);
    await drained(bus(), one);
  });
}

function event(n: number, key = 'one|study'): OutgoingEvent {
  return { id: String(n), key, type: 'test', data: `data ${n}` };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

type Work = (events: readonly DeliveredEvent[]) => Promise<readonly EventFailure[] | void>;

/** A handler that notes what it was given before it does `work`; `count` resolves when so many events were seen, `has` when one was. */
function recorder(work: Work = async () => undefined): {
  events: DeliveredEvent[];
  ids: () => string[];
  handler: EventHandler;
  count: (wanted: number) => Promise<void>;
  has: (id: string) => Promise<void>;
} {
  const events: DeliveredEvent[] = [];
  const waiting = new Set<() => void>();
  const until = (condition: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!condition()) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  return {
    events,
    ids: () => events.map(({ id }) => id),
    handler: async (batch) => {
      events.push(...batch);
      for (const check of waiting) check();
      return (await work(batch)) ?? [];
    },
    count: (wanted) => until(() => events.length >= wanted),
    has: (wanted) => until(() => events.some(({ id }) => id === wanted)),
  };
}

/** Resolves when the group has committed everything: a handler's end is noted only after it returned. */
async function drained(bus: EventBus, scope: Scope): Promise<void> {
  while ((await bus.lag(scope, TOPIC, 'g')) > 0) await new Promise((resolve) => setImmediate(resolve));
}

async function failIf(
  events: readonly DeliveredEvent[],
  fails: (event: DeliveredEvent) => boolean,
  retriable: (id: string) => boolean = () => true,
): Promise<readonly EventFailure[]> {
  return events.filter(fails).map(({ id }) => ({ id, reason: 'because', retriable: retriable(id) }));
}

async function expectCode(work: Promise<unknown>, code: ErrorCode): Promise<void> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(CairnError.is(error) ? error.code : error).toBe(code);
}
