import { describe, expect, it } from '@jest/globals';
import { CairnError, silentLogger } from '@cairn/core';
import { openLater } from '../src/late-store.ts';

interface Shelf {
  readonly supports: { order: boolean };
  read(key: string): Promise<string>;
  list(): AsyncIterable<string>;
  close(): Promise<void>;
}

class OpenShelf implements Shelf {
  readonly supports = { order: true };
  closed = false;

  async read(key: string): Promise<string> {
    if (this.closed) throw new Error('closed');
    return key;
  }

  async *list(): AsyncGenerator<string> {
    yield 'a';
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

function shelf(open: () => Promise<Shelf>): Promise<Shelf> {
  return openLater({ part: 'shelf', open, supports: { order: false }, unavailable: 'object-store.unavailable', logger: silentLogger });
}

async function contents(store: Shelf): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of store.list()) found.push(entry);
  return found;
}

describe('openLater', () => {
  it('is the store at once where that opens', async () => {
    const store = await shelf(async () => new OpenShelf());
    expect([await store.read('x'), await contents(store), store.supports]).toEqual(['x', ['a'], { order: true }]);
  });

  it('throws why it is not open, then becomes the store by itself', async () => {
    let tries = 0;
    const open = Promise.withResolvers<Shelf>();
    const store = await shelf(() => {
      tries += 1;
      if (tries === 1) throw new CairnError('object-store.unavailable', 'Nobody answers.');
      return open.promise;
    });
    const unavailable = { code: 'object-store.unavailable', retriable: true, message: expect.stringContaining('Nobody answers.') };
    await expect((async () => await store.read('x'))()).rejects.toMatchObject(unavailable);
    await expect(contents(store)).rejects.toMatchObject(unavailable);
    expect(store.supports).toEqual({ order: false });
    open.resolve(new OpenShelf());
    for (;;) {
      const read = await (async () => await store.read('x'))().catch(() => undefined);
      if (read !== undefined) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(tries).toBe(2);
  });

  it('stops trying when it is closed, and closes what was opened', async () => {
    const failing = await shelf(() => Promise.reject(new Error('x')));
    await failing.close();
    const inner = new OpenShelf();
    const store = await shelf(async () => inner);
    await store.close();
    expect(inner.closed).toBe(true);
  });
});
