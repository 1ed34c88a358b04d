import { describe, expect, it } from '@jest/globals';
import { PART_BYTES, UploadBudget } from '../../src/s3/upload-budget.ts';
import { UploadParts } from '../../src/s3/upload-parts.ts';
import type { UploadPart } from '../../src/s3/upload-parts.ts';

const MIB = 1024 * 1024;

describe('UploadBudget', () => {
  it('holds 200 bodies of 15 MiB at once within its bytes, and completes them all', async () => {
    const budget = new UploadBudget(256 * MIB);
    const chunk = Buffer.alloc(MIB);
    let most = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      for (let count = 0; count < 15; count++) {
        most = Math.max(most, budget.usedBytes);
        yield chunk;
        await new Promise(setImmediate);
      }
    }
    const sizes = await Promise.all(Array.from({ length: 200 }, () => send(budget, source())));
    expect(sizes).toEqual(Array(200).fill([15 * MIB]));
    expect(most).toBeGreaterThan(200 * MIB);
    expect(most).toBeLessThanOrEqual(256 * MIB);
    expect(budget.usedBytes).toBe(0);
  });

  it('lets long bodies through, also when it holds no more than one part', async () => {
    const budget = new UploadBudget(0);
    expect(budget.totalBytes).toBe(PART_BYTES);
    const bodies = Array.from({ length: 5 }, () => send(budget, repeated(Buffer.alloc(3 * MIB + 1), 12)));
    const expected = [PART_BYTES, PART_BYTES, 36 * MIB + 12 - 2 * PART_BYTES];
    expect(await Promise.all(bodies)).toEqual(Array(5).fill(expected));
    expect(budget.usedBytes).toBe(0);
  });

  it('a source that waits for memory ends when its signal aborts, and the others go on', async () => {
    const budget = new UploadBudget(PART_BYTES);
    const held = budget.open();
    await held.take(PART_BYTES);
    const abort = new AbortController();
    const waiting = send(budget, repeated(Buffer.alloc(10), 1), abort.signal);
    const other = send(budget, repeated(Buffer.alloc(10), 1));
    setImmediate(() => abort.abort(new Error('given up')));
    await expect(waiting).rejects.toThrow('given up');
    held.release();
    await expect(other).resolves.toEqual([10]);
    expect(budget.usedBytes).toBe(0);
  });

  it('gets back what a failing source held', async () => {
    const budget = new UploadBudget(64 * MIB);
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(5 * MIB);
      throw new Error('reset');
    }
    await expect(send(budget, failing())).rejects.toThrow('reset');
    expect(budget.usedBytes).toBe(0);
  });
});

describe('UploadParts', () => {
  it('cuts exactly, copies small chunks together and keeps every byte', async () => {
    const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
    const sizes = [1, 70_000, 3, 4_095, 4_096, 0, 100_000, 17];
    async function* source(): AsyncGenerator<Uint8Array> {
      for (let start = 0, turn = 0; start < content.length; turn++) {
        const size = sizes[turn % sizes.length]!;
        yield content.subarray(start, start + size);
        start += size;
      }
    }
    const given: UploadPart[] = [];
    const parts = new UploadParts(new UploadBudget(64 * MIB));
    for await (const part of parts.of(source())) given.push(part);
    expect(given).toHaveLength(1);
    expect(Buffer.concat(given[0]!.chunks).equals(content)).toBe(true);
    expect(given[0]!.sha256.toString('hex')).toBe(parts.sha256());
  });
});

/** What the store does with a body, without the store: the sizes of its parts. */
async function send(budget: UploadBudget, source: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<number[]> {
  const sizes: number[] = [];
  for await (const part of new UploadParts(budget).of(source, signal)) {
    sizes.push(part.sizeBytes);
    await new Promise(setImmediate);
    part.release();
  }
  return sizes;
}

async function* repeated(chunk: Uint8Array, times: number): AsyncGenerator<Uint8Array> {
  for (let count = 0; count < times; count++) yield chunk;
}
