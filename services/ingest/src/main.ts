import { listening, objectStoreCheck, openService } from '@cairn/composition';
import type { CairnConfig } from '@cairn/config';
import { httpStatusOf } from '@cairn/dicomweb';
import { runService } from '@cairn/platform-nest';
import { IngestModule } from './ingest.module.ts';

/** `cairn ingest`: the web's way in as a process of its own. Resolves to the exit code. */
export async function run(config: CairnConfig): Promise<number> {
  const runtime = await openService(config);
  return runService({
    ...runtime,
    statusOf: httpStatusOf,
    imports: [IngestModule.forRuntime(runtime)],
    checks: () => [objectStoreCheck(runtime.stores)],
    onListening: (_app, origin) => listening('ingest', origin),
  });
}
