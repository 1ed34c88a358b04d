import { CairnError } from '@cairn/core';
import type { Span } from '@cairn/dicom';

/** Bytes in any chunking. */
export type Bytes = AsyncIterable<Uint8Array>;

/**
 * The bytes of `spans` (ascending, without overlap), joined. `start` is the position of the source's first byte; the source is
 * closed after the last byte wanted. A source that ends before → `dicom.truncated`.
 */
export async function* cutSpans(source: Bytes, start: number, spans: readonly Span[]): Bytes {
  let position = start;
  let index = 0;
  for await (const chunk of source) {
    const chunkEnd = position + chunk.length;
    for (; index < spans.length; index++) {
      const [offset, length] = spans[index]!;
      const from = Math.max(offset, position);
      const to = Math.min(offset + length, chunkEnd);
      // A chunk wanted whole goes on as it is, so that its last user can hand it back (recycleChunk).
      if (to - from === chunk.length) yield chunk;
      else if (from < to) yield chunk.subarray(from - position, to - position);
      if (offset + length > chunkEnd) break;
    }
    if (index === spans.length) return;
    position = chunkEnd;
  }
  throw new CairnError('dicom.truncated', 'The stored bytes end before the value does.', { details: { offset: position } });
}

/** Turns every word of 2, 4 or 8 bytes round (big endian to little endian); an incomplete last word stays as it is. */
export async function* swapWords(source: Bytes, wordBytes: number): Bytes {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of source) {
    const bytes = Buffer.concat([rest, chunk]);
    const wholeBytes = bytes.length - (bytes.length % wordBytes);
    rest = bytes.subarray(wholeBytes);
    if (wholeBytes > 0) yield swapInPlace(bytes.subarray(0, wholeBytes), wordBytes);
  }
  if (rest.length > 0) yield rest;
}

function swapInPlace(words: Buffer, wordBytes: number): Buffer {
  if (wordBytes === 2) return words.swap16();
  return wordBytes === 4 ? words.swap32() : words.swap64();
}

/**
 * `bitCount` bits from bit `shift` (0–7, least significant first as PS3.5 §8.1.1 packs them) of the source's first byte, moved to
 * start at a byte; the unused high bits of the last byte are zero.
 */
export async function* shiftBits(source: Bytes, shift: number, bitCount: number): Bytes {
  const totalBytes = Math.ceil(bitCount / 8);
  const lastMask = bitCount % 8 === 0 ? 0xff : (1 << (bitCount % 8)) - 1;
  let written = 0;
  let held: number | undefined;
  const emit = (bytes: Uint8Array): Uint8Array => {
    written += bytes.length;
    if (written === totalBytes && bytes.length > 0) bytes[bytes.length - 1]! &= lastMask;
    return bytes;
  };
  for await (const chunk of source) {
    const shifted = new Uint8Array(Math.min(chunk.length, totalBytes - written));
    let count = 0;
    for (const byte of chunk) {
      if (held !== undefined && written + count < totalBytes) shifted[count++] = (held >> shift) | (byte << (8 - shift));
      held = byte;
    }
    if (count > 0) yield emit(shifted.subarray(0, count));
  }
  if (written < totalBytes && held !== undefined) yield emit(Uint8Array.of(held >> shift));
}

/** `head`, then the source. */
export async function* prepend(head: Uint8Array, source: Bytes): Bytes {
  yield head;
  yield* source;
}

/** The same bytes, but the first chunk is asked for now: reading starts while the consumer is still busy with something else. */
export function prefetchFirst(source: Bytes): Bytes {
  const iterator = source[Symbol.asyncIterator]();
  let first: Promise<IteratorResult<Uint8Array>> | undefined = iterator.next();
  // Whoever takes the chunk gets the error; until then it must not count as unhandled.
  first.catch(() => undefined);
  const next = (): Promise<IteratorResult<Uint8Array>> => {
    const result = first ?? iterator.next();
    first = undefined;
    return result;
  };
  const close = async (): Promise<IteratorResult<Uint8Array>> => {
    await iterator.return?.();
    return { done: true, value: undefined };
  };
  return { [Symbol.asyncIterator]: () => ({ next, return: close }) };
}
