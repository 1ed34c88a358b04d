import type { RetrievableInstance } from '@cairn/metadata-store';
import { prefetchFirst } from './byte-streams.ts';
import type { OpenedInstance, OutgoingInstance } from './retrieve.ts';

/** Instances opened, and their first chunk read, before their turn comes. */
const AHEAD = 1;

/**
 * Opens in order, `AHEAD` instances before their turn. An instance is closed when the next one is asked for, and at the end:
 * whatever of its bytes was not taken by then.
 */
export async function* openAhead(
  instances: AsyncIterable<RetrievableInstance> | Iterable<RetrievableInstance>,
  open: (instance: RetrievableInstance) => Promise<OutgoingInstance>,
): AsyncIterable<OpenedInstance> {
  const waiting: Promise<OpenedInstance>[] = [];
  try {
    for await (const instance of instances) {
      waiting.push(openOne(instance, open));
      if (waiting.length > AHEAD) yield* lend(await waiting.shift()!);
    }
    while (waiting.length > 0) yield* lend(await waiting.shift()!);
  } finally {
    await Promise.all(waiting.map(async (opened) => close(await opened)));
  }
}

async function* lend(opened: OpenedInstance): AsyncIterable<OpenedInstance> {
  try {
    yield opened;
  } finally {
    await close(opened);
  }
}

async function close({ outgoing }: OpenedInstance): Promise<void> {
  await outgoing?.chunks[Symbol.asyncIterator]().return?.();
}

async function openOne(
  instance: RetrievableInstance,
  open: (instance: RetrievableInstance) => Promise<OutgoingInstance>,
): Promise<OpenedInstance> {
  try {
    const outgoing = await open(instance);
    return { instance, outgoing: { ...outgoing, chunks: prefetchFirst(outgoing.chunks) } };
  } catch (error) {
    return { instance, error };
  }
}
