/** Turns notifications into an iteration: one round for any number of them since the last, and one a heartbeat without any. */
export class Progress implements AsyncIterable<void> {
  readonly #heartbeatMs: number;
  #pending = false;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(heartbeatMs: number) {
    this.#heartbeatMs = heartbeatMs;
  }

  /** Something changed. */
  notify(): void {
    this.#pending = true;
    this.#wake?.();
  }

  /** Nothing follows; the iteration ends. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<void> {
    while (!this.#ended) {
      if (!this.#pending) await this.#wait();
      this.#pending = false;
      if (!this.#ended) yield;
    }
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#heartbeatMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
