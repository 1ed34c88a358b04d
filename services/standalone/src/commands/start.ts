import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { CairnConfig } from '@cairn/config';
import { isLoopback } from '@cairn/config';
import { CairnError, DEFAULT_TENANT, systemErrorCode, systemScope } from '@cairn/core';
import type { Logger } from '@cairn/core';
import { DicomGateway } from '@cairn/dicom-gateway/module';
import { IndexingService } from '@cairn/indexer/module';
import { httpStatusOf } from '@cairn/ingest/module';
import { createHttpApp } from '@cairn/platform-nest';
import type { ReadinessCheck } from '@cairn/platform-nest';
import { EventBusStrategy } from '@cairn/platform-nest/messaging';
import { Metrics, createLogger } from '@cairn/telemetry';
import { composeArchive } from '../archive.ts';
import type { Archive } from '../archive.ts';
import { banner, startPage } from '../banner.ts';
import type { Reach } from '../banner.ts';
import { openEmbeddedStores } from '../embedded.ts';
import type { EmbeddedStores } from '../embedded.ts';
import { StandaloneModule } from '../standalone.module.ts';
import { SAMPLE_BOUNDARY, SAMPLE_FILE, writeSample } from './sample.ts';

const BASE_PATH = '/dicom-web';

/** `cairn start`: runs until SIGTERM or SIGINT, then drains. Resolves to the exit code. */
export async function start(config: CairnConfig): Promise<number> {
  const logger = createLogger(config.CAIRN_LOG_LEVEL);
  const metrics = new Metrics();
  const stopRequested = stopSignal();
  const stores = await openEmbeddedStores(config.CAIRN_DATA_DIR, metrics, logger);
  const indexing: { service?: IndexingService } = {};
  try {
    const archive = composeArchive(config, stores, { metrics, logger, onEventLost: () => indexing.service?.reconcileSoon() });
    const running = await open(config, { stores, archive, metrics, logger });
    indexing.service = running.app.get(IndexingService);
    process.stdout.write(banner(running.reach));
    warnIfOpen(config, logger);
    await stopRequested;
    logger.info({}, 'archive.draining');
    await drain(running.app, archive, config.CAIRN_DRAIN_TIMEOUT_S * 1000);
  } finally {
    await stores.close();
  }
  logger.info({}, 'archive.stopped');
  return 0;
}

interface Running {
  app: NestFastifyApplication;
  reach: Reach;
}

async function open(
  config: CairnConfig,
  parts: { stores: EmbeddedStores; archive: Archive; metrics: Metrics; logger: Logger },
): Promise<Running> {
  let reach: Reach | undefined;
  const consumers = new EventBusStrategy({ bus: parts.stores.eventBus, logger: parts.logger });
  const health = {
    checks: [...readinessChecks(parts.stores, () => app), consumers.readiness],
    metrics: parts.metrics,
    startPage: () => (reach ? startPage(reach) : ''),
  };
  const app: NestFastifyApplication = await createHttpApp(StandaloneModule.forRoot({ config, ...parts, health }), {
    logger: parts.logger,
    metrics: parts.metrics,
    statusOf: httpStatusOf,
    corsOrigins: config.CAIRN_CORS_ORIGINS,
    trustedProxies: config.CAIRN_TRUSTED_PROXIES,
    basePath: BASE_PATH,
    ...(config.CAIRN_PUBLIC_URL === undefined ? {} : { publicUrl: config.CAIRN_PUBLIC_URL }),
  });
  try {
    app.connectMicroservice({ strategy: consumers });
    await app.listen(config.CAIRN_HTTP_PORT, config.CAIRN_HOST);
    await app.startAllMicroservices();
  } catch (error) {
    await app.close().catch(() => undefined);
    throw startFailure(error, config);
  }
  reach = reachOf(config, app, parts.stores);
  return { app, reach };
}

function startFailure(error: unknown, config: CairnConfig): unknown {
  const code = systemErrorCode(error);
  if (CairnError.is(error) || code === undefined) return error;
  const reason = code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be opened (${code})`;
  return new CairnError('runtime.start-failed', `The HTTP port ${config.CAIRN_HTTP_PORT} on ${config.CAIRN_HOST} ${reason}.`, {
    cause: error,
  });
}

function readinessChecks(stores: EmbeddedStores, app: () => NestFastifyApplication): ReadinessCheck[] {
  const scope = systemScope(DEFAULT_TENANT);
  return [
    { name: 'object store', check: () => stores.objectStore.check(scope) },
    { name: 'index', check: () => stores.metadataStore.check(scope) },
    { name: 'reconciliation', check: () => app().get(IndexingService).readiness.check() },
  ];
}

function reachOf(config: CairnConfig, app: NestFastifyApplication, stores: EmbeddedStores): Reach {
  const listeners = app.get(DicomGateway).addresses();
  const plain = listeners.find(({ tls }) => !tls);
  const secure = listeners.find(({ tls }) => tls);
  const { port } = app.getHttpServer().address() as { port: number };
  const host = config.CAIRN_HOST.includes(':') ? `[${config.CAIRN_HOST}]` : config.CAIRN_HOST;
  return {
    aeTitle: config.CAIRN_AE_TITLE,
    dicomHost: config.CAIRN_HOST,
    dicomPort: plain?.port ?? config.CAIRN_DICOM_PORT,
    ...(secure === undefined ? {} : { dicomTlsPort: secure.port }),
    dicomWebUrl: `http://${host}:${port}${BASE_PATH}`,
    dataFolder: stores.folder,
    sampleFolder: writeSample(join(stores.folder, 'sample')),
    sampleFile: SAMPLE_FILE,
    sampleBoundary: SAMPLE_BOUNDARY,
  };
}

function warnIfOpen(config: CairnConfig, logger: Logger): void {
  if (!isLoopback(config.CAIRN_HOST)) logger.warn({ host: config.CAIRN_HOST }, 'archive.open-without-authentication');
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      process.once('SIGTERM', () => process.exit(1));
      process.once('SIGINT', () => process.exit(1));
      resolve();
    };
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
  });
}

/** Closes listeners and lets work under way end; whatever outlasts the deadline is cut off. */
async function drain(app: NestFastifyApplication, archive: Archive, deadlineMs: number): Promise<void> {
  const cut = setTimeout(() => app.getHttpServer().closeAllConnections(), deadlineMs);
  try {
    await app.close();
    await archive.receiver.close();
  } finally {
    clearTimeout(cut);
  }
}
