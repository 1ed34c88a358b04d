import { createHash } from 'node:crypto';

/** A UID derived from text: the same text gives the same UID (2.25 and 120 bits of its SHA-256, PS3.5 §B.2). */
export function seededUid(text: string): string {
  return `2.25.${BigInt(`0x${createHash('sha256').update(text).digest('hex').slice(0, 30)}`)}`;
}

/** Bytes that look like noise and are the same for the same seed; little-endian words of a xorshift generator. */
export function seededBytes(seed: number, length: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = (seed * 2654435761 + 0x9e3779b9) >>> 0 || 1;
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return Buffer.from(words.buffer, 0, length);
}

/** One frame of unsigned pixels: a gradient with noise, so that neither a compressor nor a checksum finds it trivial. */
export function seededFrame(seed: number, rows: number, columns: number, bitsAllocated: number, samplesPerPixel = 1): Buffer {
  const count = rows * columns * samplesPerPixel;
  const noise = seededBytes(seed, count);
  if (bitsAllocated <= 8) return noise;
  const pixels = new Uint16Array(count);
  for (let index = 0; index < count; index++) pixels[index] = (Math.floor((index / count) * 3840) + noise[index]!) & 0x0fff;
  return Buffer.from(pixels.buffer);
}
