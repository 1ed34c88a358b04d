import type { CairnError } from '@cairn/core';
import type { FlowControl } from './flow-control.ts';

/** What a message's data set fragments are handed to. */
export interface DataSetSink {
  push(bytes: Uint8Array): void;
  end(): void;
  fail(error: CairnError): void;
}

type Waiter = { resolve(result: IteratorResult<Uint8Array, undefined>): void; reject(error: CairnError): void };

/**
 * A data set on its way in: one consumer iterates over the chunks as they arrived. While the consumer lags the socket is
 * paused; when he stops early (leaves his loop, or {@link discard}) the rest is dropped as it comes.
 */
export class IncomingDataSet implements DataSetSink, AsyncIterableIterator<Uint8Array, undefined> {
  readonly #flow: FlowControl;
  readonly #queue: Uint8Array[] = [];
  #waiter: Waiter | undefined;
  #ended = false;
  #error: CairnError | undefined;
  #discarding = false;
  #onFinished: (() => void) | undefined;

  constructor(flow: FlowControl) {
    this.#flow = flow;
  }

  push(bytes: Uint8Array): void {
    if (this.#discarding) return;
    if (this.#waiter) {
      const waiter = this.#waiter;
      this.#waiter = undefined;
      waiter.resolve({ done: false, value: bytes });
    } else {
      this.#queue.push(bytes);
      this.#flow.hold(bytes.length);
    }
  }

  end(): void {
    this.#ended = true;
    this.#waiter?.resolve({ done: true, value: undefined });
    this.#settle();
  }

  fail(error: CairnError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#waiter?.reject(error);
    this.#settle();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next chunk; rejects with `dimse.aborted` when the association ended inside the data set. */
  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const bytes = this.#queue.shift();
    if (bytes) {
      this.#flow.free(bytes.length);
      return Promise.resolve({ done: false, value: bytes });
    }
    if (this.#error) return Promise.reject(this.#error);
    if (this.#ended || this.#discarding) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.discard();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Drops what is here and what still comes. */
  discard(): void {
    this.#discarding = true;
    for (const bytes of this.#queue.splice(0)) this.#flow.free(bytes.length);
  }

  /** Resolves when the last fragment has arrived or the association has ended. */
  finished(): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onFinished = resolve;
    });
  }

  #settle(): void {
    this.#waiter = undefined;
    this.#onFinished?.();
  }
}

/** Gathers a data set that is needed whole: an identifier, an attribute list. Beyond its limit the rest is dropped. */
export class CollectedDataSet implements DataSetSink {
  readonly #limitBytes: number;
  readonly #done: (bytes: Buffer | undefined) => void;
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  /** @param done - gets the bytes, or undefined when they were too many; not called when the association ends before */
  constructor(limitBytes: number, done: (bytes: Buffer | undefined) => void) {
    this.#limitBytes = limitBytes;
    this.#done = done;
  }

  push(bytes: Uint8Array): void {
    this.#length += bytes.length;
    if (this.#length > this.#limitBytes) this.#parts.length = 0;
    else this.#parts.push(copyOfSmall(bytes));
  }

  end(): void {
    this.#done(this.#length > this.#limitBytes ? undefined : Buffer.concat(this.#parts));
  }

  fail(): void {
    this.#parts.length = 0;
  }
}

/** Largest data set that is read into memory, and the most that one association's requests may hold: some 60,000 UIDs. */
export const MAX_COLLECTED_LENGTH = 4_194_304;

/** A small view would keep the whole chunk of the socket in memory. */
function copyOfSmall(bytes: Uint8Array): Uint8Array {
  return bytes.length < 16_384 ? Uint8Array.from(bytes) : bytes;
}
