import type { PixelDataDescription } from '@cairn/dicom';

/** Parsed frame tables weigh about 150 bytes a frame: at most some 30 MB. */
const MAX_FRAMES = 200_000;

/** Below that, parsing again costs less than a place in the cache. */
const MIN_FRAMES = 64;

/** Keeps the parsed frame tables of the big compressed instances read last, so that each further frame needs no JSON. */
export class PixelCache {
  readonly #entries = new Map<string, { ulid: string; pixels: PixelDataDescription; frames: number }>();
  #frames = 0;

  /** What was kept under the key, with the version that it describes. */
  get(key: string): { ulid: string; pixels: PixelDataDescription } | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  /** Keeps a description if it is big enough to be worth it and small enough to fit; the one unused longest makes room. */
  set(key: string, ulid: string, pixels: PixelDataDescription): void {
    const frames = pixels.frames?.kind === 'encapsulated' ? pixels.frames.frames.length : 0;
    if (frames < MIN_FRAMES || frames > MAX_FRAMES) return;
    this.#remove(key);
    this.#entries.set(key, { ulid, pixels, frames });
    this.#frames += frames;
    for (const oldest of this.#entries.keys()) {
      if (this.#frames <= MAX_FRAMES) return;
      this.#remove(oldest);
    }
  }

  #remove(key: string): void {
    this.#frames -= this.#entries.get(key)?.frames ?? 0;
    this.#entries.delete(key);
  }
}
