import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CairnError, systemScope } from '@cairn/core';
import type { ErrorCode } from '@cairn/core';
import type { ObjectStore, ObjectStoreSupports } from './object-store.ts';

/** A store under test and how to get rid of it. */
export interface StoreUnderTest {
  store: ObjectStore;
  destroy: () => Promise<void>;
}

const one = systemScope('one');
const two = systemScope('two');
const MIB = 1024 * 1024;

/** What every {@link ObjectStore} must do. `create` gives a new, empty store. */
export function describeObjectStoreContract(name: string, create: () => Promise<StoreUnderTest>, supports: ObjectStoreSupports): void {
  describe(`${name} as an ObjectStore`, () => {
    let store: ObjectStore;
    let destroy: () => Promise<void>;

    beforeEach(async () => {
      ({ store, destroy } = await create());
    });

    afterEach(async () => {
      await store.close();
      await destroy();
    });

    describePuts(() => store, supports);
    describeReads(() => store, supports);
    describeKeys(() => store);
    describeRemoval(() => store);
  });
}

function describePuts(store: () => ObjectStore, supports: ObjectStoreSupports): void {
  it('tells what it supports', () => {
    expect(store().supports).toEqual(supports);
  });

  it('stores bytes and attributes as they were given', async () => {
    const attributes = { source: '{"callingAet":"CT \\"1\\""}', name: 'Müller 山田' };
    const result = await store().put(one, 'landing/one/h/a.dcm', bytes('abc', 'def'), { attributes: () => attributes });
    expect(result).toEqual({ sizeBytes: 6 });
    expect(await text(store(), 'landing/one/h/a.dcm')).toBe('abcdef');
    expect(await store().head(one, 'landing/one/h/a.dcm')).toEqual({ key: 'landing/one/h/a.dcm', sizeBytes: 6, attributes });
  });

  it('stores an empty object and empty chunks', async () => {
    await store().put(one, 'landing/one/h/empty', bytes());
    await store().put(one, 'landing/one/h/gaps', bytes('', 'a', '', 'b', ''));
    expect(await store().head(one, 'landing/one/h/empty')).toEqual({ key: 'landing/one/h/empty', sizeBytes: 0, attributes: {} });
    expect(await text(store(), 'landing/one/h/empty')).toBe('');
    expect(await text(store(), 'landing/one/h/gaps')).toBe('ab');
  });

  it('keeps an existing object and its attributes when its key is put again', async () => {
    await store().put(one, 'landing/one/h/a', bytes('first'), { attributes: () => ({ n: '1' }) });
    await expectCode(
      store().put(one, 'landing/one/h/a', bytes('second'), { attributes: () => ({ n: '2' }) }),
      'object-store.already-exists',
    );
    expect(await text(store(), 'landing/one/h/a')).toBe('first');
    expect((await store().head(one, 'landing/one/h/a'))?.attributes).toEqual({ n: '1' });
  });

  it('lets exactly one of many concurrent puts of a key succeed', async () => {
    const puts = Array.from({ length: 16 }, (_, n) =>
      store().put(one, 'landing/one/h/raced', bytes(`writer ${n}`), { attributes: () => ({ writer: `writer ${n}` }) }),
    );
    const results = await Promise.allSettled(puts);
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.map(({ reason }) => (reason as CairnError).code)).toEqual(Array(15).fill('object-store.already-exists'));
    const info = await store().head(one, 'landing/one/h/raced');
    expect(await text(store(), 'landing/one/h/raced')).toBe(info?.attributes.writer);
  });

  it('stores many objects put at once, each with its own bytes and attributes', async () => {
    const keys = Array.from({ length: 150 }, (_, n) => `landing/one/h${n % 3}/${n}`);
    await Promise.all(keys.map((key) => store().put(one, key, bytes(key), { attributes: () => ({ key }) })));
    for (const key of keys) {
      expect(await text(store(), key)).toBe(key);
      expect((await store().head(one, key))?.attributes).toEqual({ key });
    }
  });

  it('leaves nothing of a source that fails, and gives its error', async () => {
    const fault = new Error('connection reset');
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(3 * MIB);
      throw fault;
    }
    await expect(store().put(one, 'landing/one/h/a', failing())).rejects.toBe(fault);
    await expectAbsent(store(), 'landing/one/h/a');
    await store().put(one, 'landing/one/h/a', bytes('again'));
    expect(await text(store(), 'landing/one/h/a')).toBe('again');
  });

  it('leaves nothing of an aborted put, even while its source is silent', async () => {
    const abort = new AbortController();
    async function* silent(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a');
      setTimeout(() => abort.abort(new Error('given up')), 5);
      await new Promise(() => undefined);
    }
    await expect(store().put(one, 'landing/one/h/a', silent(), { signal: abort.signal })).rejects.toThrow('given up');
    await expectAbsent(store(), 'landing/one/h/a');
    await expect(store().put(one, 'landing/one/h/a', bytes('x'), { signal: abort.signal })).rejects.toThrow('given up');
  });

  it('leaves nothing when the verifier refuses, which it asks once with the size', async () => {
    const sizes: number[] = [];
    const refusal = new CairnError('dicom.truncated', 'The data ended early.');
    const verify = (sizeBytes: number): void => {
      sizes.push(sizeBytes);
      throw refusal;
    };
    await expect(store().put(one, 'landing/one/h/a', bytes('abc', 'd'), { verify })).rejects.toBe(refusal);
    expect(sizes).toEqual([4]);
    await expectAbsent(store(), 'landing/one/h/a');
  });

  it('asks for attributes after the last byte, and refuses more than 2 KiB of them', async () => {
    const hash = createHash('sha256');
    async function* hashed(): AsyncGenerator<Uint8Array> {
      for await (const chunk of bytes('abc', 'def')) {
        hash.update(chunk);
        yield chunk;
      }
    }
    await store().put(one, 'landing/one/h/a', hashed(), { attributes: () => ({ sha256: hash.digest('hex') }) });
    const expected = createHash('sha256').update('abcdef').digest('hex');
    expect((await store().head(one, 'landing/one/h/a'))?.attributes).toEqual({ sha256: expected });
    await store().put(one, 'landing/one/h/most', bytes('x'), { attributes: () => ({ a: 'x'.repeat(2040) }) });
    expect((await store().head(one, 'landing/one/h/most'))?.attributes.a).toHaveLength(2040);
    const tooMany = { attributes: () => ({ a: 'x'.repeat(2041) }) };
    await expect(store().put(one, 'landing/one/h/b', bytes('x'), tooMany)).rejects.toThrow('2 KiB');
    await expectAbsent(store(), 'landing/one/h/b');
  });

  it('takes a big stream only as fast as it stores it', async () => {
    const chunk = Buffer.alloc(MIB, 7);
    let given = 0;
    async function* big(): AsyncGenerator<Uint8Array> {
      for (; given < 96; given++) yield chunk;
    }
    expect(await store().put(one, 'landing/one/h/big', big())).toEqual({ sizeBytes: 96 * MIB });
    const { sizeBytes, chunks } = await store().get(one, 'landing/one/h/big');
    let count = 0;
    for await (const piece of chunks) {
      expect(piece.length).toBeLessThanOrEqual(MIB);
      count += piece.length;
    }
    expect([sizeBytes, count]).toEqual([96 * MIB, 96 * MIB]);
  });

  it('finishes puts under way when it is closed and refuses new ones', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    async function* slow(): AsyncGenerator<Uint8Array> {
      await gate;
      yield Buffer.from('late');
    }
    const put = store().put(one, 'landing/one/h/a', slow());
    const closing = store().close();
    await expectCode(store().put(one, 'landing/one/h/b', bytes('x')), 'object-store.unavailable');
    release();
    await expect(put).resolves.toEqual({ sizeBytes: 4 });
    await closing;
  });

  it('can be checked', async () => {
    await expect(store().check(one)).resolves.toBeUndefined();
  });
}

function describeReads(store: () => ObjectStore, supports: ObjectStoreSupports): void {
  it.each([
    [{ start: 0 }, 'abcdefghij'],
    [{ start: 3 }, 'defghij'],
    [{ start: 2, end: 5 }, 'cde'],
    [{ start: 9, end: 10 }, 'j'],
    [{ start: 4, end: 4 }, ''],
    [{ start: 10 }, ''],
  ])('gives the range %j', async (range, expected) => {
    await store().put(one, 'landing/one/h/a', bytes('abcde', 'fghij'));
    const { sizeBytes, chunks } = await store().get(one, 'landing/one/h/a', range);
    expect((await collect(chunks)).toString()).toBe(expected);
    expect(sizeBytes).toBe(expected.length);
  });

  it.each([{ start: 11 }, { start: -1 }, { start: 0, end: 11 }, { start: 5, end: 4 }, { start: 0.5 }, { start: Number.NaN }])(
    'refuses the range %j',
    async (range) => {
      await store().put(one, 'landing/one/h/a', bytes('abcdefghij'));
      await expectCode(store().get(one, 'landing/one/h/a', range), 'object-store.invalid-range');
    },
  );

  it('gives any range of a big object', async () => {
    const content = Buffer.alloc(3 * MIB + 17);
    for (let index = 0; index < content.length; index += 4) content.writeUInt8(index % 251, index);
    await store().put(one, 'landing/one/h/a', pieces(content, 100_001));
    for (const [start, end] of [
      [0, content.length],
      [1, 2 * MIB + 2],
      [MIB - 1, MIB + 1],
      [content.length - 1, content.length],
    ] as const) {
      const { chunks } = await store().get(one, 'landing/one/h/a', { start, end });
      expect((await collect(chunks)).equals(content.subarray(start, end))).toBe(true);
    }
  });

  it('can be left before the last byte, and stops when aborted', async () => {
    await store().put(one, 'landing/one/h/a', pieces(Buffer.alloc(5 * MIB), MIB));
    for await (const chunk of (await store().get(one, 'landing/one/h/a')).chunks) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    const abort = new AbortController();
    const { chunks } = await store().get(one, 'landing/one/h/a', undefined, abort.signal);
    const reading = (async () => {
      for await (const chunk of chunks) abort.abort(new Error(`enough after ${chunk.length > 0}`));
    })();
    await expect(reading).rejects.toThrow('enough');
  });

  it('tells absence before the first byte', async () => {
    await expectAbsent(store(), 'landing/one/h/none');
    await store().put(one, 'landing/one/h/a', bytes('x'));
    await expectAbsent(store(), 'landing/one/h');
    await expectAbsent(store(), 'landing/one/h/a/b');
  });

  it('lists keys in byte order, with sizes, by prefix and after a key', async () => {
    const besideFolder = supports.byteOrder ? ['h/a-b', 'h/a.dcm'] : [];
    const keys = [...besideFolder, 'h/a/x', 'h/a/y', 'h/b', 'h2/a', 'H/z', 'h/10', 'h/9'].map((key) => `landing/one/${key}`);
    for (const key of keys) await store().put(one, key, bytes(key));
    const expected = keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(await listed(store(), 'landing/one/')).toEqual(expected);
    expect(await listed(store(), 'landing/one/h/a')).toEqual(expected.filter((key) => key.startsWith('landing/one/h/a')));
    expect(await listed(store(), 'landing/one/h/a/')).toEqual(['landing/one/h/a/x', 'landing/one/h/a/y']);
    expect(await listed(store(), 'landing/one/none/')).toEqual([]);
    expect(await listed(store(), 'packs/one/')).toEqual([]);
    for (const after of [...expected, 'landing/one/h/a/xx', 'landing/one/', 'landing/one/zzz', 'landing/one/h/a/']) {
      expect(await listed(store(), 'landing/one/', after)).toEqual(expected.filter((key) => key > after));
    }
    for await (const { key, sizeBytes } of store().list(one, 'landing/one/')) expect(sizeBytes).toBe(key.length);
  });

  it('lists a long folder completely', async () => {
    const keys = Array.from({ length: 100 }, (_, n) => `journal/one/h/${String(n).padStart(3, '0')}`);
    await Promise.all(keys.map((key) => store().put(one, key, bytes('x'))));
    expect(await listed(store(), 'journal/one/')).toEqual(keys);
  });
}

function describeKeys(store: () => ObjectStore): void {
  const wrong = [
    '',
    'landing',
    'landing/one',
    'landing/one/',
    '/landing/one/a',
    'landing//one/a',
    'landing/one//a',
    'landing/one/./a',
    'landing/one/../two/a',
    'landing/one/a\0b',
    'landing/one/a b',
    'landing/one/ä',
    'landing/one/a\\b',
    `landing/one/${'a'.repeat(1024)}`,
    'landing/two/a',
    '../one/a',
  ];
  it.each(wrong)('refuses the key %j in every call', async (key) => {
    await expectCode(store().put(one, key, bytes('x')), 'object-store.invalid-key');
    await expectCode(store().get(one, key), 'object-store.invalid-key');
    await expectCode(store().head(one, key), 'object-store.invalid-key');
    await expectCode(store().delete(one, key), 'object-store.invalid-key');
    await expectCode(store().copy(one, key, 'landing/one/copy'), 'object-store.invalid-key');
  });

  it.each(['', 'landing', 'landing/', 'landing/two/', 'landing/one', 'landing/one/../two/', '../'])(
    'refuses to list the prefix %j',
    async (prefix) => {
      await expectCode(listed(store(), prefix), 'object-store.invalid-key');
    },
  );

  it('keeps tenants with the same names apart', async () => {
    await store().put(one, 'landing/one/h/a', bytes('of one'), { attributes: () => ({ tenant: 'one' }) });
    await store().put(two, 'landing/two/h/a', bytes('of two'), { attributes: () => ({ tenant: 'two' }) });
    expect(await text(store(), 'landing/one/h/a')).toBe('of one');
    expect((await store().head(two, 'landing/two/h/a'))?.attributes).toEqual({ tenant: 'two' });
    await expectCode(store().get(one, 'landing/two/h/a'), 'object-store.invalid-key');
    await expectCode(store().copy(one, 'landing/one/h/a', 'landing/two/h/b'), 'object-store.invalid-key');
    expect(await listed(store(), 'landing/one/')).toEqual(['landing/one/h/a']);
    await store().delete(two, 'landing/two/h/a');
    expect(await text(store(), 'landing/one/h/a')).toBe('of one');
  });
}

function describeRemoval(store: () => ObjectStore): void {
  it('copies bytes and attributes, create-only', async () => {
    await store().put(one, 'landing/one/h/a', bytes('abc'), { attributes: () => ({ n: '1' }) });
    await store().copy(one, 'landing/one/h/a', 'kept/one/a');
    await store().delete(one, 'landing/one/h/a');
    expect(await text(store(), 'kept/one/a')).toBe('abc');
    expect((await store().head(one, 'kept/one/a'))?.attributes).toEqual({ n: '1' });
    await store().put(one, 'landing/one/h/b', bytes('other'));
    await expectCode(store().copy(one, 'landing/one/h/b', 'kept/one/a'), 'object-store.already-exists');
    await expectCode(store().copy(one, 'landing/one/h/none', 'kept/one/b'), 'object-store.not-found');
  });

  it('deletes, absent objects too, and takes the key anew with new attributes', async () => {
    await store().put(one, 'landing/one/h/a', bytes('first'), { attributes: () => ({ n: '1' }) });
    await store().delete(one, 'landing/one/h/a');
    await expectAbsent(store(), 'landing/one/h/a');
    expect(await listed(store(), 'landing/one/')).toEqual([]);
    await store().delete(one, 'landing/one/h/a');
    await store().delete(one, 'landing/one/never/a');
    await store().put(one, 'landing/one/h/a', bytes('second'));
    expect(await store().head(one, 'landing/one/h/a')).toEqual({ key: 'landing/one/h/a', sizeBytes: 6, attributes: {} });
  });
}

async function* bytes(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const piece of texts) yield Buffer.from(piece);
}

async function* pieces(content: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < content.length; start += size) yield content.subarray(start, start + size);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await all(chunks));
}

async function text(store: ObjectStore, key: string): Promise<string> {
  return (await collect((await store.get(systemScope(key.split('/')[1]!), key)).chunks)).toString();
}

async function listed(store: ObjectStore, prefix: string, after?: string): Promise<string[]> {
  return (await all(store.list(one, prefix, after))).map(({ key }) => key);
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

async function expectCode(work: Promise<unknown>, code: ErrorCode): Promise<void> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(CairnError.is(error) ? error.code : error).toBe(code);
}

async function expectAbsent(store: ObjectStore, key: string): Promise<void> {
  expect(await store.head(one, key)).toBeUndefined();
  await expectCode(store.get(one, key), 'object-store.not-found');
}
