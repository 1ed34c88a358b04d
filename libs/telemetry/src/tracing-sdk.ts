import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator, setGlobalErrorHandler } from '@opentelemetry/core';
import { defaultResource, detectResources, envDetector, resourceFromAttributes, serviceInstanceIdDetector } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Sampler, SpanExporter } from '@opentelemetry/sdk-trace';
import { CairnError } from '@cairn/core';
import type { Logger } from '@cairn/core';
import type { Environment } from './environment.ts';

/** The last spans are not worth more of a shutdown than this. */
const STOP_TIMEOUT_MS = 2000;

const DEFAULT_SEND_INTERVAL_MS = 5000;

/** By `OTEL_TRACES_SAMPLER`, with the ratio of `OTEL_TRACES_SAMPLER_ARG`. */
const SAMPLERS: Readonly<Record<string, (ratio: number) => Sampler>> = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: (ratio) => new TraceIdRatioBasedSampler(ratio),
  parentbased_always_on: () => new ParentBasedSampler({ root: new AlwaysOnSampler() }),
  parentbased_always_off: () => new ParentBasedSampler({ root: new AlwaysOffSampler() }),
  parentbased_traceidratio: (ratio) => new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
};

/** Loads OpenTelemetry and makes it the process's tracer; resolves to what ends it. */
export async function startSdk(serviceName: string, environment: Environment, logger: Logger): Promise<() => Promise<void>> {
  const sampler = samplerOf(environment);
  const exporter = await exporterOf(environment);
  const scheduledDelayMillis = Number(environment['OTEL_BSP_SCHEDULE_DELAY']) || DEFAULT_SEND_INTERVAL_MS;
  const failed = (error: unknown): void => logger.warn({ error }, 'tracing.export-failed');
  setGlobalErrorHandler(failed);
  const provider = new TracerProvider({
    sampler,
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': serviceName, 'service.namespace': 'cairn' }))
      .merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] })),
    spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis })],
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  return async () => {
    await withinTime(provider.shutdown().catch(failed));
    for (const api of [trace, context, propagation]) api.disable();
  };
}

function samplerOf(environment: Environment): Sampler {
  const create = SAMPLERS[environment['OTEL_TRACES_SAMPLER'] || 'parentbased_always_on'];
  const ratio = Number(environment['OTEL_TRACES_SAMPLER_ARG'] || '1');
  if (create === undefined) throw new CairnError('config.invalid', `OTEL_TRACES_SAMPLER is one of ${Object.keys(SAMPLERS).join(', ')}.`);
  if (!(ratio >= 0 && ratio <= 1)) throw new CairnError('config.invalid', 'OTEL_TRACES_SAMPLER_ARG is a ratio from 0 to 1.');
  return create(ratio);
}

async function exporterOf(environment: Environment): Promise<SpanExporter> {
  const protocol = environment['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] || environment['OTEL_EXPORTER_OTLP_PROTOCOL'] || 'http/protobuf';
  if (protocol === 'http/json') return new (await import('@opentelemetry/exporter-trace-otlp-http')).OTLPTraceExporter();
  if (protocol === 'http/protobuf') return new (await import('@opentelemetry/exporter-trace-otlp-proto')).OTLPTraceExporter();
  throw new CairnError('config.invalid', 'OTEL_EXPORTER_OTLP_PROTOCOL is http/protobuf or http/json.');
}

async function withinTime(stopping: Promise<void>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, STOP_TIMEOUT_MS);
  await Promise.race([stopping, late]);
  clearTimeout(timer);
}
