export { createLogger } from './logger.ts';
export type { LogLevel } from './logger.ts';
export { Metrics } from './metrics.ts';
export type { MetricDescription } from './metrics.ts';
export { currentTraceparent, markFailed, startSpan, startTracing, traced, withinSpan } from './tracing.ts';
export type { TraceOptions, TraceSpan } from './tracing.ts';
export type { Environment } from './environment.ts';
