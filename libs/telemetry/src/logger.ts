import { destination, pino } from 'pino';
import type { Logger } from '@cairn/core';

/** Level of {@link createLogger}. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * A JSON logger on standard error: one line an event, `event` its name. Only named fields of errors are written: code, name,
 * message and stack; never details of a request or a data set.
 */
export function createLogger(level: LogLevel): Logger {
  return pino(
    {
      level,
      messageKey: 'event',
      base: { pid: process.pid },
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    destination({ dest: 2, sync: true }),
  );
}
