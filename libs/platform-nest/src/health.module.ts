import { Controller, Get, HttpStatus, Inject, Module, Res } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { CairnError } from '@cairn/core';
import type { Metrics } from '@cairn/telemetry';

/** One thing that must work for the process to be ready: resolves, or throws a CairnError that says why not. */
export interface ReadinessCheck {
  name: string;
  check(this: void): Promise<void>;
}

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
    const results = await Promise.all(this.#options.checks.map(async ({ name, check }) => [name, await resultOf(check)] as const));
    const ready = results.every(([, result]) => result === 'ok');
    await reply
      .status(ready ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE)
      .header('cache-control', 'no-store')
      .send({ status: ready ? 'ready' : 'not ready', checks: Object.fromEntries(results) });
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
  try {
    await check();
    return 'ok';
  } catch (error) {
    return CairnError.is(error) ? error.message : 'failed';
  }
}
