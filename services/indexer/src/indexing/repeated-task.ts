import type { Logger } from '@cairn/core';

/** Work done again and again, never twice at once; a failed run is logged and repeated at the next turn. */
export class RepeatedTask {
  readonly #name: string;
  readonly #work: (signal: AbortSignal) => Promise<unknown>;
  readonly #logger: Logger;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(name: string, work: (signal: AbortSignal) => Promise<unknown>, logger: Logger) {
    this.#name = name;
    this.#work = work;
    this.#logger = logger;
  }

  /** Runs every `intervalMs`, the first time after one. */
  start(intervalMs: number): void {
    if (this.#stop.signal.aborted) return;
    this.#timer = setInterval(() => this.trigger(), intervalMs);
    this.#timer.unref();
  }

  /** Runs now; while a run is under way, once more after it. */
  trigger(): void {
    if (this.#stop.signal.aborted) return;
    this.#again = true;
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
  }

  /** Ends the run under way as soon as it can and starts no more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stop.signal.aborted) {
      this.#again = false;
      try {
        await this.#work(this.#stop.signal);
      } catch (error) {
        if (!this.#stop.signal.aborted) this.#logger.error({ error, task: this.#name }, 'indexer.task-failed');
      }
    }
  }
}
