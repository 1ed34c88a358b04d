import { setTimeout as delay } from 'node:timers/promises';
import { isTransient } from './s3-errors.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** Retries that a store may make in a row while nothing succeeds; then every failure is final at once until something does. */
const CAPACITY = 100;
/** What a success gives back: in the long run one retry for five requests. */
const REFILL = 0.2;

/** Retries with growing, random pauses, bounded over all requests of a store, so that an outage is not made worse by them. */
export class RetryBudget {
  readonly #maxAttempts: number;
  #tokens = CAPACITY;

  constructor(maxAttempts: number) {
    this.#maxAttempts = maxAttempts;
  }

  /** Calls `work` until it succeeds, fails for good, or attempts, budget or signal end the trying; throws its last error. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        const result = await work();
        this.#tokens = Math.min(CAPACITY, this.#tokens + REFILL);
        return result;
      } catch (error) {
        if (signal?.aborted === true || !isTransient(error) || attempt >= this.#maxAttempts || this.#tokens < 1) throw error;
        this.#tokens -= 1;
        const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
        await delay(longest * (0.5 + Math.random() / 2), undefined, signal === undefined ? {} : { signal });
      }
    }
  }
}
