import { setTimeout as delay } from 'node:timers/promises';
import { CairnError } from '@cairn/core';
import type { ErrorCode, Logger } from '@cairn/core';

const RETRY_PAUSE_MS = 1_000;
/** Where the server is there, nothing has to know that it might not be. */
const FIRST_TRY_MS = 3_000;

interface Store {
  readonly supports: object;
  close(): Promise<void>;
}

/** What {@link openLater} needs. */
export interface LateStoreOptions<S extends Store> {
  /** In messages and the log: `index`. */
  part: string;
  open(this: void): Promise<S>;
  /** What can be promised before the product was asked. */
  supports: S['supports'];
  /** Code of what calls throw until it is open. */
  unavailable: ErrorCode;
  logger: Logger;
}

/**
 * A store on a server that may not be there yet: it is opened in the background, again and again until that succeeds once. Until then every
 * call throws what the last try failed with, as retriable. The process so starts, says why it is not ready, and serves what it can. Resolves
 * after the first try, or when that takes long.
 */
export async function openLater<S extends Store>({ part, open, supports, unavailable, logger }: LateStoreOptions<S>): Promise<S> {
  const stop = new AbortController();
  let store: S | undefined;
  let failure = new CairnError(unavailable, `The ${part} is being opened.`, { retriable: true });
  const firstTry = Promise.withResolvers<void>();
  void (async () => {
    while (!stop.signal.aborted) {
      try {
        const opened = await open();
        if (stop.signal.aborted) await opened.close();
        else store = opened;
        return;
      } catch (error) {
        const reason = CairnError.is(error) ? error.message : 'unexpected failure';
        failure = new CairnError(unavailable, `The ${part} cannot be opened: ${reason}`, { retriable: true, cause: error });
        logger.warn({ error: failure, part }, 'store.not-open');
      } finally {
        firstTry.resolve();
      }
      await delay(RETRY_PAUSE_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  })();
  const close = async (): Promise<void> => {
    // A try under way may take long to fail, and closes itself what it opens.
    stop.abort();
    await store?.close();
  };
  const call = (name: string | symbol, parameters: readonly unknown[]): unknown => {
    if (store === undefined) throw failure;
    const method: unknown = Reflect.get(store, name);
    return typeof method === 'function' ? Reflect.apply(method, store, parameters) : method;
  };
  await Promise.race([firstTry.promise, delay(FIRST_TRY_MS, undefined, { ref: false })]);
  return new Proxy({} as S, {
    get: (_target, name) => {
      if (name === 'close') return close;
      if (name === 'supports') return store?.supports ?? supports;
      // A promise that resolves to the store must not take it for another promise.
      return name === 'then' ? undefined : (...parameters: unknown[]) => call(name, parameters);
    },
  });
}
