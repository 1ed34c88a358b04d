import { join, resolve } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import {
  SAMPLE_BOUNDARY,
  SAMPLE_FILE,
  banner,
  indexCheck,
  objectStoreCheck,
  openRuntime,
  startPage,
  writeSample,
} from '@cairn/composition';
import type { Reach } from '@cairn/composition';
import type { CairnConfig } from '@cairn/config';
import { DicomGateway, DicomGatewayModule } from '@cairn/dicom-gateway/module';
import { IndexerModule, IndexingService } from '@cairn/indexer/module';
import { IngestModule, httpStatusOf } from '@cairn/ingest/module';
import { BASE_PATH, runService } from '@cairn/platform-nest';
import { QueryRetrieveModule } from '@cairn/query-retrieve/module';

/** `cairn start`: every service in one process, until SIGTERM or SIGINT. Resolves to the exit code. */
export async function start(config: CairnConfig): Promise<number> {
  const indexing: { service?: IndexingService } = {};
  const runtime = await openRuntime(config, () => indexing.service?.reconcileSoon());
  const { stores } = runtime;
  return runService({
    ...runtime,
    statusOf: httpStatusOf,
    imports: [IndexerModule, IngestModule, QueryRetrieveModule, DicomGatewayModule].map((service) => service.forRuntime(runtime)),
    eventBus: stores.eventBus,
    checks: (app) => [objectStoreCheck(stores), indexCheck(stores), app.get(IndexingService).readiness],
    onListening: (app, origin) => {
      indexing.service = app.get(IndexingService);
      const reach = reachOf(config, app, origin);
      process.stdout.write(banner(reach));
      return startPage(reach);
    },
  });
}

function reachOf(config: CairnConfig, app: NestFastifyApplication, origin: string): Reach {
  const listeners = app.get(DicomGateway).addresses();
  const plain = listeners.find(({ tls }) => !tls);
  const secure = listeners.find(({ tls }) => tls);
  return {
    aeTitle: config.CAIRN_AE_TITLE,
    dicomHost: config.CAIRN_HOST,
    dicomPort: plain?.port ?? config.CAIRN_DICOM_PORT,
    ...(secure === undefined ? {} : { dicomTlsPort: secure.port }),
    dicomWebUrl: `${origin}${BASE_PATH}`,
    dataFolder: resolve(config.CAIRN_DATA_DIR),
    sampleFolder: writeSample(join(config.CAIRN_DATA_DIR, 'sample')),
    sampleFile: SAMPLE_FILE,
    sampleBoundary: SAMPLE_BOUNDARY,
  };
}
