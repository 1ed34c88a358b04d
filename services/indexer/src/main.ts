import { busCheck, indexCheck, listening, objectStoreCheck, openService } from '@cairn/composition';
import type { CairnConfig } from '@cairn/config';
import { httpStatusOf } from '@cairn/dicomweb';
import { runService } from '@cairn/platform-nest';
import { IndexerModule, IndexingService } from './indexer.module.ts';

/**
 * `cairn indexer`: brings what was received into the index, as a process of its own. Replicas share the events; each also reconciles, which
 * is idempotent, so that it is harmless when several do it. Resolves to the exit code.
 */
export async function run(config: CairnConfig): Promise<number> {
  const runtime = await openService(config);
  const { stores } = runtime;
  return runService({
    ...runtime,
    statusOf: httpStatusOf,
    imports: [IndexerModule.forRuntime(runtime)],
    eventBus: stores.eventBus,
    checks: (app) => [objectStoreCheck(stores), indexCheck(stores), busCheck(stores), app.get(IndexingService).readiness],
    onListening: (_app, origin) => listening('indexer', origin),
  });
}
