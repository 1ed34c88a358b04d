import { CairnError, systemErrorCode } from '@cairn/core';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** The store's error for a failed write: no space → `object-store.full`, anything else → `object-store.unavailable`; both retriable. */
export function writeError(error: unknown): CairnError {
  if (CairnError.is(error)) return error;
  const system = systemErrorCode(error) ?? 'unknown';
  const options = { retriable: true, details: { system }, cause: error };
  return FULL.has(system)
    ? new CairnError('object-store.full', 'The object store has no space or quota left.', options)
    : new CairnError('object-store.unavailable', 'The object store cannot be written.', options);
}

/** The store's error for a failed read: absent → `object-store.not-found`, anything else → `object-store.unavailable`. */
export function readError(error: unknown): CairnError {
  if (CairnError.is(error)) return error;
  const system = systemErrorCode(error) ?? 'unknown';
  if (isAbsent(error)) return new CairnError('object-store.not-found', 'No object has this key.');
  return new CairnError('object-store.unavailable', 'The object store cannot be read.', {
    retriable: true,
    details: { system },
    cause: error,
  });
}

/** True when the error says that a file or a folder on the way to it does not exist. */
export function isAbsent(error: unknown): boolean {
  const system = systemErrorCode(error);
  return system === 'ENOENT' || system === 'ENOTDIR';
}

/** True when a name is taken already. */
export function isTaken(error: unknown): boolean {
  return systemErrorCode(error) === 'EEXIST';
}
