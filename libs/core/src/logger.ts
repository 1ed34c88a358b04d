/** What libraries log through: an event name and fields, never patient data above debug. pino's loggers fit. */
export interface Logger {
  debug(fields: object, event: string): void;
  info(fields: object, event: string): void;
  warn(fields: object, event: string): void;
  error(fields: object, event: string): void;
}

/** A logger that drops everything: the default of libraries and tests. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
