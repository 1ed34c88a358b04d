import { Controller, Get, HttpStatus, Inject, Module, Res } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { CairnError } from '@cairn/core';
import type { Metrics } from '@cairn/telemetry';

/** One thing that must work for the process to be ready: resolves, or throws a CairnError that says why not. */
export interface ReadinessCheck {
  name: string;
  check(this: void): Promise<void>;
  /** The process does its main work without it: its failure is shown, but does not make the process unready. */
  optional?: boolean;
}

/** A dependency that is silent for so long does not work; a probe waits no longer. */
const CHECK_TIMEOUT_MS = 3_000;

/** What the operator's endpoints show. */
export interface HealthOptions {
  checks: readonly ReadinessCheck[];
  metrics: Metrics;
  /** The HTML of `GET /`. */
  startPage: () => string;
}

/** Injection token of {@link HealthOptions}. */
export const HEALTH_OPTIONS = Symbol('HealthOptions');

/** `/health/live`, `/health/ready`, `/metrics` and the start page. */
@Controller()
export class HealthController {
  readonly #options: HealthOptions;

  constructor(@Inject(HEALTH_OPTIONS) options: HealthOptions) {
    this.#options = options;
  }

  /** The process runs. */
  @Get('/health/live')
  live(): { status: string } {
    return { status: 'live' };
  }

  /** Everything that an answer needs works: 200, or 503 with the reason of each failing check. */
  @Get('/health/ready')
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const { checks } = this.#options;
    const results = await Promise.all(checks.map(async ({ check }) => await resultOf(check)));
    const ready = checks.every(({ optional }, index) => optional === true || results[index] === 'ok');
    await reply
      .status(ready ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE)
      .header('cache-control', 'no-store')
      .send({ status: ready ? 'ready' : 'not ready', checks: Object.fromEntries(checks.map(({ name }, index) => [name, results[index]])) });
  }

  /** Metrics in Prometheus' text format. */
  @Get('/metrics')
  async metrics(@Res() reply: FastifyReply): Promise<void> {
    await reply.header('content-type', this.#options.metrics.contentType).send(await this.#options.metrics.render());
  }

  /** What runs here and how to reach it. */
  @Get('/')
  async start(@Res() reply: FastifyReply): Promise<void> {
    await reply
      .header('content-type', 'text/html; charset=utf-8')
      .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
      .send(this.#options.startPage());
  }
}

/** Composed into every service that listens on HTTP. */
@Module({})
export class HealthModule {
  static forRoot(options: HealthOptions): DynamicModule {
    return { module: HealthModule, controllers: [HealthController], providers: [{ provide: HEALTH_OPTIONS, useValue: options }] };
  }
}

async function resultOf(check: () => Promise<void>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<string>((resolve) => (timer = setTimeout(() => resolve('No answer in time.'), CHECK_TIMEOUT_MS)));
  try {
    return await Promise.race([check().then(() => 'ok'), silence]);
  } catch (error) {
    return CairnError.is(error) ? error.message : 'failed';
  } finally {
    clearTimeout(timer);
  }
}
