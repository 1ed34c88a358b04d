import { CairnError, systemErrorCode } from '@cairn/core';

const ABSENT = new Set(['NoSuchKey', 'NotFound', 'NoSuchVersion', 'NoSuchUpload']);
const FULL = new Set(['QuotaExceeded', 'InsufficientStorage', 'XMinioStorageFull', 'EntityTooLarge']);
/** Refusals that pass by themselves. 409 is AWS's answer to two conditional puts of one key at the same time. */
const PASSING_STATUS = new Set([408, 429, 500, 502, 503, 504]);
const PASSING_NAMES = new Set([
  'ConditionalRequestConflict',
  'OperationAborted',
  'RequestTimeout',
  'SlowDown',
  'IncompleteBody',
  'BadDigest',
  'XAmzContentSHA256Mismatch',
]);

/** HTTP status of the answer; undefined when there was none. */
export function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
}

/** S3's error code, such as `NoSuchKey`. */
export function nameOf(error: unknown): string {
  const { name } = error as { name?: unknown };
  return typeof name === 'string' ? name : '';
}

/** No object (or upload) of this key. Some products answer 404 for other reasons, too, and name them. */
export function isAbsent(error: unknown): boolean {
  return ABSENT.has(nameOf(error)) || (statusOf(error) === 404 && nameOf(error) === 'UnknownError');
}

/** `If-None-Match` found an object. */
export function isTaken(error: unknown): boolean {
  return statusOf(error) === 412 || nameOf(error) === 'PreconditionFailed';
}

/** The product does not know the call. */
export function isNotImplemented(error: unknown): boolean {
  return statusOf(error) === 501 || statusOf(error) === 405 || nameOf(error) === 'NotImplemented' || nameOf(error) === 'MethodNotAllowed';
}

/**
 * True when the same request may succeed soon: an overloaded or failing server, a body damaged on its way, or no answer at all
 * (an error without a status, whatever the reason).
 */
export function isTransient(error: unknown): boolean {
  if (CairnError.is(error)) return false;
  const status = statusOf(error);
  return status === undefined || PASSING_STATUS.has(status) || PASSING_NAMES.has(nameOf(error));
}

/** The port's error for whatever a request ended in. */
export function storeError(error: unknown): CairnError {
  if (CairnError.is(error)) return error;
  if (isAbsent(error)) return new CairnError('object-store.not-found', 'No object has this key.');
  const details = { reason: nameOf(error) || systemErrorCode(error) || 'unknown', status: statusOf(error) ?? 0 };
  const options = { retriable: true, details, cause: error };
  return FULL.has(nameOf(error)) || statusOf(error) === 507
    ? new CairnError('object-store.full', 'The object store has no space or quota left.', options)
    : new CairnError('object-store.unavailable', 'The object store did not do what was asked.', options);
}

/** An object of this key exists already. */
export function takenError(): CairnError {
  return new CairnError('object-store.already-exists', 'An object with this key exists already.');
}
