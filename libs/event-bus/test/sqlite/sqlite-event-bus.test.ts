import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ALL_TENANTS, systemScope } from '@cairn/core';
import type { DeliveredEvent } from '@cairn/event-bus';
import { SqliteEventBus } from '@cairn/event-bus/sqlite';
import { makeTempDir } from '@cairn/testing';
import type { TempDir } from '@cairn/testing';
import { EventLog } from '../../src/sqlite/event-log.ts';

const scope = systemScope('default');
const everyone = systemScope(ALL_TENANTS);

describe('SqliteEventBus', () => {
  let folder: TempDir;

  beforeEach(async () => {
    folder = await makeTempDir();
  });

  afterEach(() => folder.remove());

  it('tells when its log cannot be opened', async () => {
    await mkdir(join(folder.path, 'events.sqlite'));
    await expect(SqliteEventBus.open({ file: join(folder.path, 'events.sqlite') })).rejects.toMatchObject({
      code: 'event-bus.unavailable',
      retriable: true,
    });
  });

  it('opens a log of a version before trace contexts', async () => {
    const file = join(folder.path, 'events.sqlite');
    const old = new DatabaseSync(file);
    old.exec(`CREATE TABLE events (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, tenant TEXT NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL,
      type TEXT NOT NULL, data TEXT NOT NULL, publishedMs INTEGER NOT NULL, onlyFor TEXT)`);
    old.exec(`INSERT INTO events (topic, tenant, id, key, type, data, publishedMs) VALUES ('t', 'default', 'old', 'k', 'x', '{}', 1)`);
    old.close();
    const bus = await SqliteEventBus.open({ file });
    await bus.publish(scope, 't', [{ id: 'new', key: 'k', type: 'x', data: '{}', traceparent: 'some' }]);
    const seen: DeliveredEvent[] = [];
    await bus.subscribe(scope, 't', 'g', async (events) => {
      seen.push(...events);
      return [];
    });
    while (seen.length < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(seen.map(({ id, traceparent }) => [id, traceparent])).toEqual([
      ['old', undefined],
      ['new', 'some'],
    ]);
    await bus.close();
  });

  it('refuses publishers while 64 MiB wait, and takes them again afterwards', async () => {
    const bus = await SqliteEventBus.open({ file: join(folder.path, 'events.sqlite') });
    const data = 'x'.repeat(1024 * 1024);
    const publish = (n: number): Promise<void> => bus.publish(scope, 't', [{ id: `${n}`, key: 'k', type: 'x', data }]);
    const results = await Promise.allSettled(Array.from({ length: 80 }, (_, n) => publish(n)));
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThan(10);
    expect(refused[0]!.reason).toMatchObject({ code: 'event-bus.unavailable', retriable: true });
    await publish(80);
    expect(await bus.lag(scope, 't', 'g')).toBe(81 - refused.length);
    await bus.close();
  });

  it('delivers large events that do not fit in memory from the log, in order', async () => {
    const bus = await SqliteEventBus.open({ file: join(folder.path, 'events.sqlite') });
    const seen: number[] = [];
    const subscription = await bus.subscribe(everyone, 't', 'g', async (events) => {
      seen.push(...events.map(({ id }) => Number(id)));
      return [];
    });
    subscription.pause();
    const data = 'x'.repeat(1024 * 1024);
    for (let n = 0; n < 40; n++) await bus.publish(scope, 't', [{ id: `${n}`, key: 'k', type: 'x', data }]);
    subscription.resume();
    while ((await bus.lag(everyone, 't', 'g')) > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual(Array.from({ length: 40 }, (_, n) => n));
    await bus.close();
  });
});

describe('EventLog', () => {
  it('keeps a bounded number of events of a topic that nobody reads', () => {
    const log = new EventLog(':memory:');
    const subscriber = { topic: 't', tenant: 'default', group: 'g' };
    for (let batch = 0; batch < 13_000; batch++) {
      log.append([{ topic: 't', tenant: 'default', id: `${batch}`, key: 'k', type: 'x', data: '', publishedMs: 0 }]);
    }
    const lag = log.lag(subscriber);
    expect(lag).toBeGreaterThanOrEqual(10_000);
    expect(lag).toBeLessThan(11_100);
    log.register(subscriber);
    expect(log.read(subscriber, 0, 1).events[0]!.id).toBe(`${13_000 - lag}`);
    log.close();
  });
});
