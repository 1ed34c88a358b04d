import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cutSpans, prefetchFirst, shiftBits, swapWords } from '../../src/retrieve/byte-streams.ts';
import { chunksOf, collect } from './fixture.ts';

/** Bytes with the lengths into which they are cut. */
const cutBytes = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.array(fc.nat(9), { maxLength: 20 }));

function inChunks(bytes: Uint8Array, lengths: readonly number[]): AsyncIterable<Uint8Array> {
  let position = 0;
  const chunks = lengths.map((length) => bytes.slice(position, (position += length)));
  return chunksOf([...chunks, bytes.slice(position)]);
}

describe('cutSpans', () => {
  it('joins spans whatever the chunking', () =>
    fc.assert(
      fc.asyncProperty(cutBytes, fc.nat(30), fc.nat(30), async ([bytes, lengths], first, gap) => {
        const split = Math.min(first, bytes.length);
        const resume = Math.min(split + gap, bytes.length);
        const spans = [
          [100, split],
          [100 + resume, bytes.length - resume],
        ] as const;
        const cut = await collect(cutSpans(inChunks(bytes, lengths), 100, spans));
        expect(cut).toEqual(Buffer.concat([bytes.slice(0, split), bytes.slice(resume)]));
      }),
    ));

  it('refuses a source that ends before the value', async () => {
    await expect(collect(cutSpans(chunksOf([new Uint8Array(3)]), 0, [[2, 2]]))).rejects.toMatchObject({ code: 'dicom.truncated' });
  });

  it('closes the source after the last byte wanted', async () => {
    let closed = false;
    async function* endless(): AsyncIterable<Uint8Array> {
      try {
        for (;;) yield new Uint8Array(4);
      } finally {
        closed = true;
      }
    }
    expect(await collect(cutSpans(endless(), 0, [[6, 4]]))).toHaveLength(4);
    expect(closed).toBe(true);
  });
});

describe('swapWords', () => {
  it.each([2, 4, 8] as const)('turns words of %d bytes round whatever the chunking, and back', (wordBytes) =>
    fc.assert(
      fc.asyncProperty(cutBytes, async ([bytes, lengths]) => {
        const swapped = await collect(swapWords(inChunks(bytes, lengths), wordBytes));
        const wholeBytes = bytes.length - (bytes.length % wordBytes);
        const expected = bytes.map((_, at) =>
          at < wholeBytes ? bytes[at - (at % wordBytes) + wordBytes - 1 - (at % wordBytes)]! : bytes[at]!,
        );
        expect([...swapped]).toEqual([...expected]);
      }),
    ),
  );

  it('leaves the bytes of the source alone', async () => {
    const bytes = Uint8Array.of(1, 2);
    await collect(swapWords(chunksOf([bytes]), 2));
    expect([...bytes]).toEqual([1, 2]);
  });
});

describe('shiftBits', () => {
  it('gives the same bits from the first bit of a byte on', () =>
    fc.assert(
      fc.asyncProperty(cutBytes, fc.nat(7), fc.nat(512), async ([bytes, lengths], shift, wish) => {
        const bitCount = Math.max(1, Math.min(wish, bytes.length * 8 - shift));
        const shifted = await collect(shiftBits(inChunks(bytes, lengths), shift, bitCount));
        expect(shifted).toHaveLength(Math.ceil(bitCount / 8));
        const bit = (source: Uint8Array, at: number): number => (source[at >> 3]! >> (at & 7)) & 1;
        for (let at = 0; at < shifted.length * 8; at++) expect(bit(shifted, at)).toBe(at < bitCount ? bit(bytes, shift + at) : 0);
      }),
    ));
});

describe('prefetchFirst', () => {
  it('reads before it is asked, and gives a failure to whoever reads on', async () => {
    let started = false;
    const next = (): Promise<IteratorResult<Uint8Array>> => {
      started = true;
      return Promise.reject(new Error('disk'));
    };
    const failing = { [Symbol.asyncIterator]: () => ({ next }) };
    const chunks = prefetchFirst(failing);
    expect(started).toBe(true);
    await expect(collect(chunks)).rejects.toThrow('disk');
  });
});
