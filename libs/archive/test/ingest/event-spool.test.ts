import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CairnError } from '@cairn/core';
import type { OutgoingEvent } from '@cairn/event-bus';
import { EventSpool } from '../../src/ingest/event-spool.ts';
import type { EventSpoolLimits, SpooledEvent } from '../../src/ingest/event-spool.ts';

const down = new CairnError('event-bus.unavailable', 'down', { retriable: true });
const refused = new CairnError('event-bus.unavailable', 'too large');

describe('EventSpool', () => {
  /** What the bus took: tenant and ids of each call. */
  let taken: string[][];
  let attempts: number;
  let lost: string[];
  let answer: (events: readonly OutgoingEvent[]) => Promise<void>;
  let spool: EventSpool;

  const open = (limits?: EventSpoolLimits): void => {
    spool = new EventSpool(
      {
        publish: async (tenant, events) => {
          attempts += 1;
          await answer(events);
          taken.push([tenant, ...events.map(({ id }) => id)]);
        },
        lost: (ulid) => void lost.push(ulid),
      },
      limits,
    );
  };

  beforeEach(() => {
    jest.useFakeTimers();
    taken = [];
    lost = [];
    attempts = 0;
    answer = () => Promise.reject(down);
    open();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('keeps events over an outage, tries less and less often, and then hands them over together and in order', async () => {
    spool.keep(event('1'));
    await jest.advanceTimersByTimeAsync(60_000);
    expect(attempts).toBeGreaterThan(7);
    expect(attempts).toBeLessThan(15);
    for (const id of ['2', '3', '4']) spool.keep(event(id));
    expect([spool.length, lost]).toEqual([4, []]);
    answer = async () => undefined;
    await jest.advanceTimersByTimeAsync(10_000);
    expect(taken).toEqual([['default', '1', '2', '3', '4']]);
    expect(spool.length).toBe(0);
  });

  it('takes events up again after it was empty', async () => {
    answer = async () => undefined;
    for (const id of ['1', '2']) {
      spool.keep(event(id));
      await jest.advanceTimersByTimeAsync(100);
    }
    expect(taken).toEqual([
      ['default', '1'],
      ['default', '2'],
    ]);
  });

  it('hands over at most 500 at a time, and those of a tenant together', async () => {
    for (let n = 0; n < 501; n++) spool.keep(event(String(n)));
    for (const tenant of ['other', 'default']) spool.keep(event('last', tenant));
    answer = async () => undefined;
    await jest.advanceTimersByTimeAsync(100);
    expect(taken.map(([tenant, ...ids]) => [tenant, ids.length])).toEqual([
      ['default', 500],
      ['default', 1],
      ['other', 1],
      ['default', 1],
    ]);
  });

  it.each([
    { limits: { events: 2, characters: 1000 }, bound: 'number' },
    { limits: { events: 10, characters: 5 }, bound: 'characters' },
  ])('gives up what is beyond its bound of $bound, and takes events again when there is room', async ({ limits }) => {
    open(limits);
    for (const id of ['1', '2', '3']) spool.keep(event(id));
    expect([spool.length, lost]).toEqual([2, ['3']]);
    answer = async () => undefined;
    await jest.advanceTimersByTimeAsync(100);
    answer = () => Promise.reject(down);
    for (const id of ['4', '5', '6']) spool.keep(event(id));
    expect([spool.length, lost]).toEqual([2, ['3', '6']]);
  });

  it('gives up only the event that the bus refuses for good', async () => {
    answer = (events) => (events.some(({ id }) => id === '2') ? Promise.reject(refused) : Promise.resolve());
    for (const id of ['1', '2', '3']) spool.keep(event(id));
    await jest.advanceTimersByTimeAsync(100);
    expect(taken.flat().filter((id) => id !== 'default')).toEqual(['1', '3']);
    expect([spool.length, lost]).toEqual([0, ['2']]);
  });

  it('offers everything once more at the end, without a pause', async () => {
    for (let n = 0; n < 600; n++) spool.keep(event(String(n)));
    answer = async () => undefined;
    await spool.close();
    expect(taken.map((ids) => ids.length)).toEqual([501, 101]);
    expect(lost).toEqual([]);
  });

  it('ends although the bus stays down, and tells what is lost', async () => {
    for (const id of ['1', '2']) spool.keep(event(id));
    await jest.advanceTimersByTimeAsync(1000);
    await spool.close();
    spool.keep(event('3'));
    expect(lost).toEqual(['1', '2', '3']);
    expect(spool.length).toBe(0);
  });

  it('offers once more at the end, also when an attempt under way fails', async () => {
    const attempt = Promise.withResolvers<void>();
    answer = () => attempt.promise;
    spool.keep(event('1'));
    await jest.advanceTimersByTimeAsync(100);
    const closing = spool.close();
    answer = async () => undefined;
    attempt.reject(down);
    await closing;
    expect([taken, lost]).toEqual([[['default', '1']], []]);
  });
});

/** An event of two characters. */
function event(id: string, tenant = 'default'): SpooledEvent {
  return { tenant, event: { id, key: 'k', type: 'x', data: '{}' } };
}
