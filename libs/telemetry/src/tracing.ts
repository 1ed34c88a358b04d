import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  propagation,
  trace,
} from '@opentelemetry/api';
import type { Attributes, Context, Link, Span } from '@opentelemetry/api';
import { CairnError } from '@cairn/core';
import type { Logger } from '@cairn/core';
import type { Environment } from './environment.ts';

/** A part of a trace: who did something, when and for how long. */
export type TraceSpan = Span;

/** What a span tells. Never patient data, UIDs or AE titles. */
export interface TraceOptions {
  /** Default `internal`. */
  kind?: 'server' | 'client' | 'producer' | 'consumer' | 'internal';
  attributes?: Attributes;
  /** The span, or the `traceparent` of another process, below which this one lies. Default: the span that is active. Null: a new trace. */
  parent?: TraceSpan | string | null;
  /** Spans of other traces that this one has to do with. */
  links?: readonly TraceSpan[];
  /** Milliseconds since 1970; default now. */
  startMs?: number;
}

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

/**
 * Starts tracing if the environment asks for it: by OpenTelemetry's own variables, `OTEL_EXPORTER_OTLP_ENDPOINT` or
 * `OTEL_TRACES_EXPORTER=otlp`, and unless `OTEL_SDK_DISABLED=true`. Otherwise nothing is loaded, and spans are no-ops. `environment` is
 * the process's own: the exporter itself reads its address, headers and certificates from there. Resolves to what ends tracing, with the
 * last spans sent. A value that is not supported → `config.invalid`.
 */
export async function startTracing(serviceName: string, environment: Environment, logger: Logger): Promise<() => Promise<void>> {
  if (!isWanted(environment)) return async () => undefined;
  const { startSdk } = await import('./tracing-sdk.ts');
  return startSdk(serviceName, environment, logger);
}

/** Begins a span; the caller ends it. For work that is not one function; else {@link traced}. */
export function startSpan(name: string, options: TraceOptions = {}): TraceSpan {
  const { kind = 'internal', attributes = {}, links = [], startMs } = options;
  const linked: Link[] = links.map((span) => ({ context: span.spanContext() }));
  const described = { kind: KINDS[kind], attributes, links: linked, ...(startMs === undefined ? {} : { startTime: startMs }) };
  return tracer().startSpan(name, described, contextUnder(options.parent));
}

/** Runs work with this span as the active one. */
export function withinSpan<T>(span: TraceSpan, work: () => T): T {
  return context.with(trace.setSpan(context.active(), span), work);
}

/** Runs work within a span of its own; a failure marks the span with the error's code. */
export async function traced<T>(name: string, options: TraceOptions, work: (span: TraceSpan) => Promise<T>): Promise<T> {
  const span = startSpan(name, options);
  try {
    return await withinSpan(span, () => work(span));
  } catch (error) {
    markFailed(span, CairnError.is(error) ? error.code : 'internal.unexpected');
    throw error;
  } finally {
    span.end();
  }
}

/** Marks a span as failed. `type` is an error's code or a protocol's status: never a message, which could hold anything. */
export function markFailed(span: TraceSpan, type: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** The active span as W3C Trace Context writes it, to travel with a message; undefined when there is none. */
export function currentTraceparent(): string | undefined {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier, defaultTextMapSetter);
  return carrier['traceparent'];
}

function tracer(): ReturnType<typeof trace.getTracer> {
  return trace.getTracer('cairn');
}

function contextUnder(parent: TraceOptions['parent']): Context {
  if (parent === undefined) return context.active();
  if (parent === null) return ROOT_CONTEXT;
  if (typeof parent !== 'string') return trace.setSpan(ROOT_CONTEXT, parent);
  return propagation.extract(ROOT_CONTEXT, { traceparent: parent }, defaultTextMapGetter);
}

function isWanted(environment: Environment): boolean {
  if (environment['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return false;
  const exporter = environment['OTEL_TRACES_EXPORTER'];
  if (exporter === undefined || exporter === '') {
    return Boolean(environment['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? environment['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']);
  }
  if (exporter !== 'otlp' && exporter !== 'none') throw new CairnError('config.invalid', 'OTEL_TRACES_EXPORTER is otlp or none.');
  return exporter === 'otlp';
}
