import { indexCheck, listening, objectStoreCheck, openService } from '@cairn/composition';
import type { CairnConfig } from '@cairn/config';
import { httpStatusOf } from '@cairn/dicomweb';
import { runService } from '@cairn/platform-nest';
import { QueryRetrieveModule } from './query-retrieve.module.ts';

/** `cairn query-retrieve`: the web's way out as a process of its own; queries go on while the object store is away. Resolves to the exit code. */
export async function run(config: CairnConfig): Promise<number> {
  const runtime = await openService(config);
  return runService({
    ...runtime,
    statusOf: httpStatusOf,
    imports: [QueryRetrieveModule.forRuntime(runtime)],
    checks: () => [indexCheck(runtime.stores), { ...objectStoreCheck(runtime.stores), optional: true }],
    onListening: (_app, origin) => listening('query-retrieve', origin),
  });
}
