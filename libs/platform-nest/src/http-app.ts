import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorCode, Logger } from '@cairn/core';
import { markFailed, startSpan, withinSpan } from '@cairn/telemetry';
import type { Metrics, TraceOptions } from '@cairn/telemetry';
import { ErrorFilter } from './error.filter.ts';
import { problem, sendProblem } from './problem.ts';
import { publicUrlResolver } from './public-url.ts';
import type { PublicUrlOptions } from './public-url.ts';
import { RouteTable } from './route-table.ts';

/** How {@link createHttpApp} builds an application. */
export interface HttpAppOptions extends PublicUrlOptions {
  logger: Logger;
  metrics: Metrics;
  /** HTTP status of an error code. */
  statusOf: (code: ErrorCode) => number;
  /** Web origins that may call from a browser. */
  corsOrigins: readonly string[];
}

/** Headers that browser viewers read from answers (range loading, paging, retries). */
const EXPOSED_HEADERS = ['Content-Range', 'Accept-Ranges', 'ETag', 'Warning', 'Content-Location', 'Retry-After', 'Link', 'Location'];

/** A UID has at most 64 characters; frame lists and bulk data paths are longer. */
const MAX_PARAMETER_LENGTH = 8_192;

/** Seconds that a connection may stay without any byte in either direction. */
const IDLE_TIMEOUT_MS = 120_000;

/** Routes that are asked every few seconds, and are no part of anybody's work. */
const OPERATORS = /^\/(health|metrics)\b/;

const resolvers = new WeakMap<object, (request: FastifyRequest) => string>();

/**
 * A Nest application on Fastify as every service uses it: bodies stay streams, queries stay raw (`request.raw.url`), unknown
 * routes and wrong methods get problem answers, CORS only for the configured origins. Not yet listening.
 */
export async function createHttpApp(
  module: Parameters<typeof NestFactory.create>[0],
  options: HttpAppOptions,
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    exposeHeadRoutes: true,
    forceCloseConnections: 'idle',
    connectionTimeout: IDLE_TIMEOUT_MS,
    requestTimeout: 0,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH, querystringParser: () => ({}), ignoreTrailingSlash: true },
    frameworkErrors: (_error: FastifyError, _request: FastifyRequest, reply: FastifyReply) => {
      reply.hijack();
      sendProblem(reply.raw, problem(400, 'web.bad-request', 'The address is malformed.'));
    },
  });
  const fastify: FastifyInstance = adapter.getInstance();
  const routes = new RouteTable();
  routes.watch(fastify);
  resolvers.set(fastify, publicUrlResolver(options));
  measure(fastify, options.metrics);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, { logger: false, bodyParser: false, abortOnError: false });
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  app.useGlobalFilters(new ErrorFilter({ statusOf: options.statusOf, routes, logger: options.logger }));
  if (options.corsOrigins.length > 0) {
    app.enableCors({ origin: [...options.corsOrigins], methods: ['GET', 'HEAD', 'POST'], exposedHeaders: EXPOSED_HEADERS, maxAge: 86_400 });
  }
  return app;
}

/** The base URL under which the caller of this request reaches the services, without a trailing slash. */
export function publicBaseUrl(request: FastifyRequest): string {
  const resolve = resolvers.get(rootOf(request.server));
  if (resolve === undefined) throw new TypeError('publicBaseUrl needs an application of createHttpApp');
  return resolve(request);
}

/** Encapsulated Fastify instances inherit from the root by prototype. */
function rootOf(instance: object): object {
  let current: object | null = instance;
  while (current !== null && !resolvers.has(current)) current = Object.getPrototypeOf(current) as object | null;
  return current ?? instance;
}

/** Below the caller's span, if it sends one (W3C Trace Context). The path is left out: it holds UIDs. */
function spanOptions(request: FastifyRequest, route: string): TraceOptions {
  const { traceparent } = request.headers;
  const parent = typeof traceparent === 'string' ? traceparent : null;
  return { kind: 'server', parent, attributes: { 'http.request.method': request.method, 'http.route': route } };
}

function measure(fastify: FastifyInstance, metrics: Metrics): void {
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    reply.header('x-content-type-options', 'nosniff');
    // Once the listener is closed a kept connection would hold up the stop until its time is over.
    if (!fastify.server.listening) reply.header('connection', 'close');
    done(null, payload);
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    const startedMs = performance.now();
    const { method } = request;
    const route = request.routeOptions.url ?? 'none';
    const span = OPERATORS.test(route) ? undefined : startSpan(`${method} ${route}`, spanOptions(request, route));
    reply.raw.once('close', () => {
      const { statusCode } = reply.raw;
      metrics.httpRequests.inc({ route, method, status: String(statusCode) });
      metrics.httpSeconds.observe({ route, method }, (performance.now() - startedMs) / 1000);
      span?.setAttribute('http.response.status_code', statusCode);
      if (span !== undefined && statusCode >= 500) markFailed(span, String(statusCode));
      span?.end();
    });
    if (span === undefined) done();
    else withinSpan(span, done);
  });
}
