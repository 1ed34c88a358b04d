import { describe, expect, it } from '@jest/globals';
import { ChunkPool, recycleChunk } from '../src/index.ts';

describe('a chunk pool', () => {
  it('gives a buffer again only after it was handed back', () => {
    const pool = new ChunkPool(1 << 20);
    const first = pool.take(100_000);
    expect(first).toHaveLength(100_000);
    const second = pool.take(100_000);
    expect(second.buffer).not.toBe(first.buffer);
    recycleChunk(first);
    expect(pool.take(120_000).buffer).toBe(first.buffer);
  });

  it('takes a chunk back once', () => {
    const pool = new ChunkPool(1 << 20);
    const chunk = pool.take(70_000);
    recycleChunk(chunk);
    recycleChunk(chunk);
    expect(pool.take(70_000).buffer).not.toBe(pool.take(70_000).buffer);
  });

  it('leaves views and strange buffers alone', () => {
    const pool = new ChunkPool(1 << 20);
    const chunk = pool.take(70_000);
    recycleChunk(chunk.subarray(0, 5));
    recycleChunk(Buffer.alloc(70_000));
    expect(pool.take(70_000).buffer).not.toBe(chunk.buffer);
  });

  it('does not bother with small buffers', () => {
    const pool = new ChunkPool(1 << 20);
    const chunk = pool.take(100);
    recycleChunk(chunk);
    expect([chunk.length, pool.take(100).buffer === chunk.buffer]).toEqual([100, false]);
  });

  it('keeps no more than its bound', () => {
    const pool = new ChunkPool(200_000);
    const chunks = [pool.take(120_000), pool.take(120_000)];
    for (const chunk of chunks) recycleChunk(chunk);
    expect(pool.take(120_000).buffer).toBe(chunks[0]!.buffer);
    expect(pool.take(120_000).buffer).not.toBe(chunks[1]!.buffer);
  });
});
