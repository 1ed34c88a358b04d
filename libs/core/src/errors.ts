import type { ErrorCode } from './error-codes.ts';

const BRAND = Symbol.for('cairn.error');

/** What a {@link CairnError} carries beside its code and message. */
export interface CairnErrorOptions {
  /** True when the same call may succeed later without a change by the caller. Default false. */
  retriable?: boolean;
  /** Typed details for answers and logs: tags, offsets, limits. Never patient data. */
  details?: Readonly<Record<string, string | number | boolean>>;
  cause?: unknown;
}

/** The one error class: `code` says what happened, the message says it in one sentence without patient data. */
export class CairnError extends Error {
  readonly [BRAND] = true;
  readonly code: ErrorCode;
  readonly retriable: boolean;
  readonly details: Readonly<Record<string, string | number | boolean>>;

  constructor(code: ErrorCode, message: string, options: CairnErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CairnError';
    this.code = code;
    this.retriable = options.retriable ?? false;
    this.details = options.details ?? {};
  }

  /** True for a CairnError of any copy of this module or realm; with a code, only for that code. */
  static is(error: unknown, code?: ErrorCode): error is CairnError {
    return typeof error === 'object' && error !== null && BRAND in error && (code === undefined || (error as CairnError).code === code);
  }
}

/** The `code` of a Node system error such as `ENOSPC`, or undefined. Works across realms (Jest). */
export function systemErrorCode(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The message of an error of any realm, or undefined for what is no error. */
export function errorMessage(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string' ? error.message : undefined;
}
