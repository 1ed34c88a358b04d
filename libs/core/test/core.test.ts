import { describe, expect, it } from '@jest/globals';
import {
  CairnError,
  Semaphore,
  UlidFactory,
  armFailpoint,
  disarmFailpoint,
  failpoint,
  isUlid,
  systemScope,
  ulidHour,
  ulidTimeMs,
} from '../src/index.ts';

describe('UlidFactory', () => {
  it('grows strictly, also within a millisecond and when the clock steps back', () => {
    const times = [1000, 1000, 900, 1001, 1];
    const factory = new UlidFactory(() => times.shift() ?? 5);
    const ulids = Array.from({ length: 40 }, () => factory.next());
    expect(ulids.every(isUlid)).toBe(true);
    expect([...ulids].sort()).toEqual(ulids);
    expect(new Set(ulids).size).toBe(40);
  });

  it('sorts after a ULID of the future once told', () => {
    const ahead = new UlidFactory(() => 2_000_000).next();
    const factory = new UlidFactory(() => 1_000);
    factory.advancePast(ahead);
    expect(factory.next() > ahead).toBe(true);
  });

  it('holds its time, and its hour in UTC', () => {
    const ulid = new UlidFactory(() => Date.UTC(2026, 10, 25, 23, 59)).next();
    expect(ulidTimeMs(ulid)).toBe(Date.UTC(2026, 10, 25, 23, 59));
    expect(ulidHour(ulid)).toBe('2026112523');
  });

  it.each(['', '8ZZZZZZZZZZZZZZZZZZZZZZZZZ', '0123456789ABCDEFGHJKMNPQRU', '../../etc/passwd0000000000'])(
    'does not take %j for a ULID',
    (text) => {
      expect(isUlid(text)).toBe(false);
    },
  );
});

describe('Semaphore', () => {
  it('bounds holders and serves waiters in order', async () => {
    const semaphore = new Semaphore(2);
    let running = 0;
    let peak = 0;
    const order: number[] = [];
    const work = (index: number): Promise<void> =>
      semaphore.run(async () => {
        order.push(index);
        peak = Math.max(peak, ++running);
        await new Promise(setImmediate);
        running -= 1;
      });
    await Promise.all([0, 1, 2, 3, 4].map(work));
    expect(peak).toBe(2);
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  it('lets an aborted waiter go without losing its permit', async () => {
    const semaphore = new Semaphore(1);
    const release = await semaphore.acquire();
    const controller = new AbortController();
    const waiting = semaphore.acquire(controller.signal);
    controller.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    expect(semaphore.tryAcquire()).toBeUndefined();
    release();
    release();
    expect(semaphore.tryAcquire()).toBeDefined();
    expect(semaphore.tryAcquire()).toBeUndefined();
  });

  it('gives the permit back when the work throws', async () => {
    const semaphore = new Semaphore(1);
    await expect(semaphore.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(semaphore.tryAcquire()).toBeDefined();
  });
});

describe('CairnError', () => {
  it('is told by its brand and code', () => {
    const error = new CairnError('archive.not-found', 'No such study.');
    expect(CairnError.is(error)).toBe(true);
    expect(CairnError.is(error, 'archive.not-found')).toBe(true);
    expect(CairnError.is(error, 'archive.busy')).toBe(false);
    expect(CairnError.is(new Error('x'))).toBe(false);
    expect(error.retriable).toBe(false);
  });
});

describe('systemScope', () => {
  it('has every role and no label filter', () => {
    expect(systemScope('default')).toEqual({ tenant: 'default', roles: ['read', 'write', 'send', 'admin'] });
  });

  it.each(['', 'UPPER', '../x', 'a'.repeat(65)])('refuses the tenant name %j', (tenant) => {
    expect(() => systemScope(tenant)).toThrow('tenant name');
  });
});

describe('failpoint', () => {
  it('acts at the given hit of the armed name only', () => {
    let acted = 0;
    armFailpoint('here', 2, () => (acted += 1));
    failpoint('there');
    failpoint('here');
    expect(acted).toBe(0);
    failpoint('here');
    failpoint('here');
    expect(acted).toBe(1);
    disarmFailpoint();
    failpoint('here');
    expect(acted).toBe(1);
  });
});
