/**
 * Lets work on one key wait for the work before it in this process. Products answer a create-only put at once when the object is
 * there, but some keep concurrent ones of one key waiting for seconds.
 */
export class KeyQueue {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const mine = before === undefined ? work() : before.then(work, work);
    this.#last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    }
  }
}
