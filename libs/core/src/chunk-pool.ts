/** Slabs are multiples of this, so that objects of about the same size share them; smaller buffers are not worth keeping. */
const STEP_BYTES = 64 * 1024;

/** Which pool and slab a chunk given out belongs to; a chunk that nobody hands back is collected like any other. */
const owners = new WeakMap<Uint8Array, { pool: ChunkPool; slab: Buffer }>();

/**
 * Large buffers for reading, used again once their last user handed them back by {@link recycleChunk}: a new buffer for every
 * read costs V8 a full garbage collection each 32 MB, a third of the CPU of sending files.
 */
export class ChunkPool {
  readonly #free = new Map<number, Buffer[]>();
  readonly #maxFreeBytes: number;
  #freeBytes = 0;

  /** @param maxFreeBytes - bytes kept waiting for their next use */
  constructor(maxFreeBytes: number) {
    this.#maxFreeBytes = maxFreeBytes;
  }

  /** A buffer of this length with undefined content; the caller owns it. */
  take(sizeBytes: number): Buffer {
    if (sizeBytes < STEP_BYTES) return Buffer.allocUnsafeSlow(sizeBytes);
    const slabBytes = Math.ceil(sizeBytes / STEP_BYTES) * STEP_BYTES;
    const kept = this.#free.get(slabBytes)?.pop();
    if (kept !== undefined) this.#freeBytes -= slabBytes;
    const slab = kept ?? Buffer.allocUnsafeSlow(slabBytes);
    const chunk = slab.subarray(0, sizeBytes);
    owners.set(chunk, { pool: this, slab });
    return chunk;
  }

  /** Keeps a slab for its next use, within the bound. */
  keep(slab: Buffer): void {
    if (this.#freeBytes + slab.length > this.#maxFreeBytes) return;
    this.#freeBytes += slab.length;
    const same = this.#free.get(slab.length);
    if (same === undefined) this.#free.set(slab.length, [slab]);
    else same.push(slab);
  }
}

/**
 * Hands a chunk back for its next use. Only for the last user, after the last byte was read or written: nobody may look at it any
 * more. Views of a chunk, chunks of no pool and chunks handed back before are left alone.
 */
export function recycleChunk(chunk: Uint8Array): void {
  const owner = owners.get(chunk);
  if (owner === undefined) return;
  owners.delete(chunk);
  owner.pool.keep(owner.slab);
}
