export { createLogger } from './logger.ts';
export type { LogLevel } from './logger.ts';
export { Metrics } from './metrics.ts';
