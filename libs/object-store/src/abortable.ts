/**
 * Reads `source` and rejects as soon as `signal` aborts, also while the source is silent. The source is told to end (`return`)
 * but not waited for, because a silent one would never answer.
 */
export async function* abortable<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let rejectPending: ((reason: unknown) => void) | undefined;
  const onAbort = (): void => rejectPending?.(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  let ended = false;
  try {
    for (;;) {
      signal.throwIfAborted();
      const result = await new Promise<IteratorResult<T>>((resolve, reject) => {
        rejectPending = reject;
        iterator.next().then(resolve, reject);
      });
      if (result.done === true) break;
      yield result.value;
    }
    ended = true;
  } finally {
    signal.removeEventListener('abort', onAbort);
    if (!ended) iterator.return?.(undefined).catch(() => undefined);
  }
}
