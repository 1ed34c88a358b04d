/** Unread bytes of an association at which its socket is paused. */
export const HIGH_WATER_BYTES = 1_048_576;

/** Unread bytes at which the socket is read again. */
const LOW_WATER_BYTES = 262_144;

/** What a queued chunk costs beside its bytes, so that a flood of tiny fragments is bounded too. */
const CHUNK_OVERHEAD_BYTES = 192;

/** Counts what an association has received but nobody has taken, and pauses its socket while that is too much. */
export class FlowControl {
  readonly #transport: { pause(): void; resume(): void };
  #heldBytes = 0;
  #paused = false;

  constructor(transport: { pause(): void; resume(): void }) {
    this.#transport = transport;
  }

  /** True while the consumers lag and the peer has to wait. */
  get paused(): boolean {
    return this.#paused;
  }

  /** A chunk of this many bytes was queued. */
  hold(bytes: number): void {
    this.#heldBytes += bytes + CHUNK_OVERHEAD_BYTES;
    if (this.#paused || this.#heldBytes < HIGH_WATER_BYTES) return;
    this.#paused = true;
    this.#transport.pause();
  }

  /** A chunk of this many bytes was taken or dropped. */
  free(bytes: number): void {
    this.#heldBytes -= bytes + CHUNK_OVERHEAD_BYTES;
    if (!this.#paused || this.#heldBytes > LOW_WATER_BYTES) return;
    this.#paused = false;
    this.#transport.resume();
  }
}
