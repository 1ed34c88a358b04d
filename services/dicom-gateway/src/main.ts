import { indexCheck, listening, objectStoreCheck, openService } from '@cairn/composition';
import type { CairnConfig } from '@cairn/config';
import { httpStatusOf } from '@cairn/dicomweb';
import { runService } from '@cairn/platform-nest';
import { DicomGateway, DicomGatewayModule } from './dicom-gateway.module.ts';

/** `cairn dicom-gateway`: the DIMSE door as a process of its own; receiving goes on while the index is away. Resolves to the exit code. */
export async function run(config: CairnConfig): Promise<number> {
  const runtime = await openService(config);
  return runService({
    ...runtime,
    statusOf: httpStatusOf,
    imports: [DicomGatewayModule.forRuntime(runtime)],
    checks: () => [objectStoreCheck(runtime.stores), { ...indexCheck(runtime.stores), optional: true }],
    onListening: (app, origin) => listening('dicom-gateway', origin, app.get(DicomGateway).addresses()),
  });
}
