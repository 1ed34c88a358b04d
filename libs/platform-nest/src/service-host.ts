import { Module } from '@nestjs/common';
import type { DynamicModule, ModuleMetadata } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { isLoopback } from '@cairn/config';
import type { CairnConfig } from '@cairn/config';
import { CairnError, stopSignal, systemErrorCode } from '@cairn/core';
import type { ErrorCode, Logger } from '@cairn/core';
import type { EventBus } from '@cairn/event-bus';
import type { Metrics } from '@cairn/telemetry';
import { HealthModule } from './health.module.ts';
import type { HealthOptions, ReadinessCheck } from './health.module.ts';
import { createHttpApp } from './http-app.ts';
import { EventBusStrategy } from './messaging/event-bus.strategy.ts';

/** Where DICOMweb lies below the origin. */
export const BASE_PATH = '/dicom-web';

/** How long after the deadline a step may take that only has to notice that its connections are gone. */
const LAST_MOMENT_MS = 2_000;

/** What a process consists of beside its HTTP port. */
export interface ServiceOptions {
  config: CairnConfig;
  logger: Logger;
  metrics: Metrics;
  /** HTTP status of an error code. */
  statusOf: (code: ErrorCode) => number;
  /** The services in it. */
  imports: NonNullable<ModuleMetadata['imports']>;
  checks: (app: NestFastifyApplication) => readonly ReadinessCheck[];
  /** Where the handlers marked with `EventBatch` get their events from, if there are any. */
  eventBus?: EventBus;
  /** Called once, when everything listens, with `http://host:port`; gives the HTML of the page at `/`. */
  onListening: (app: NestFastifyApplication, origin: string) => string;
  /** What is left to do, in this order, when all work under way has ended. */
  closing: readonly (() => Promise<void>)[];
}

@Module({})
class ServiceModule {
  static forRoot(health: HealthOptions, imports: ServiceOptions['imports']): DynamicModule {
    return { module: ServiceModule, imports: [HealthModule.forRoot(health), ...imports] };
  }
}

/**
 * Runs a process from its start until SIGTERM or SIGINT, then drains it in a fixed order: not ready, listeners closed, work under way ended,
 * `closing`. What outlasts CAIRN_DRAIN_TIMEOUT_S is cut off. Resolves to the exit code; a port that cannot be opened → `runtime.start-failed`.
 */
export async function runService(options: ServiceOptions): Promise<number> {
  const { config, logger } = options;
  const stopRequested = stopSignal();
  const state = { draining: false, page: '' };
  try {
    const app = await open(options, state);
    if (!isLoopback(config.CAIRN_HOST)) logger.warn({ host: config.CAIRN_HOST }, 'archive.open-without-authentication');
    await stopRequested;
    logger.info({}, 'archive.draining');
    state.draining = true;
    await drain(app, options);
  } catch (error) {
    for (const step of options.closing) await step().catch(() => undefined);
    throw error;
  }
  logger.info({}, 'archive.stopped');
  return 0;
}

async function open(options: ServiceOptions, state: { draining: boolean; page: string }): Promise<NestFastifyApplication> {
  const { config, logger, metrics, statusOf, eventBus } = options;
  const health: HealthOptions & { checks: ReadinessCheck[] } = { checks: [], metrics, startPage: () => state.page };
  const app = await createHttpApp(ServiceModule.forRoot(health, options.imports), {
    logger,
    metrics,
    statusOf,
    corsOrigins: config.CAIRN_CORS_ORIGINS,
    trustedProxies: config.CAIRN_TRUSTED_PROXIES,
    basePath: BASE_PATH,
    ...(config.CAIRN_PUBLIC_URL === undefined ? {} : { publicUrl: config.CAIRN_PUBLIC_URL }),
  });
  health.checks.push({ name: 'process', check: () => requireRunning(state) }, ...options.checks(app));
  try {
    if (eventBus !== undefined) {
      const strategy = new EventBusStrategy({ bus: eventBus, logger, metrics });
      health.checks.push(strategy.readiness);
      app.connectMicroservice({ strategy });
    }
    await app.listen(config.CAIRN_HTTP_PORT, config.CAIRN_HOST);
    await app.startAllMicroservices();
  } catch (error) {
    await app.close().catch(() => undefined);
    throw startFailure(error, config);
  }
  const { port } = app.getHttpServer().address() as { port: number };
  state.page = options.onListening(app, `http://${hostInUrl(config.CAIRN_HOST)}:${port}`);
  return app;
}

async function requireRunning({ draining }: { draining: boolean }): Promise<void> {
  if (draining) throw new CairnError('archive.busy', 'The process is being stopped.', { retriable: true });
}

function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function startFailure(error: unknown, config: CairnConfig): unknown {
  const code = systemErrorCode(error);
  if (CairnError.is(error) || code === undefined) return error;
  const reason = code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be opened (${code})`;
  return new CairnError('runtime.start-failed', `The HTTP port ${config.CAIRN_HTTP_PORT} on ${config.CAIRN_HOST} ${reason}.`, {
    cause: error,
  });
}

/** Each step in turn; when the time is over, connections are cut and each step left gets a moment only. */
async function drain(app: NestFastifyApplication, { config, logger, closing }: ServiceOptions): Promise<void> {
  const deadlineMs = Date.now() + config.CAIRN_DRAIN_TIMEOUT_S * 1000;
  const cut = setTimeout(() => app.getHttpServer().closeAllConnections(), config.CAIRN_DRAIN_TIMEOUT_S * 1000);
  for (const step of [() => app.close(), ...closing]) {
    const ended = await within(Math.max(LAST_MOMENT_MS, deadlineMs + LAST_MOMENT_MS - Date.now()), step());
    if (!ended) logger.warn({}, 'archive.drain-cut');
  }
  clearTimeout(cut);
}

/** True when the work ended in time. */
async function within(timeMs: number, work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), timeMs)));
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
