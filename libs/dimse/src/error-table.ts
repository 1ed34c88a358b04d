import { CairnError } from '@cairn/core';
import type { ErrorCode } from '@cairn/core';

/** Statuses in use (PS3.7 annex C, PS3.4 §B.2.3, §C.4). */
export const STATUS = {
  success: 0x0000,
  cancel: 0xfe00,
  pending: 0xff00,
  /** Pending, and an optional key was not supported for matching. */
  pendingOptionalKey: 0xff01,
  processingFailure: 0x0110,
  noSuchInstance: 0x0112,
  invalidArgument: 0x0115,
  invalidInstance: 0x0117,
  noSuchSopClass: 0x0118,
  missingAttribute: 0x0120,
  sopClassNotSupported: 0x0122,
  noSuchAction: 0x0123,
  notAuthorized: 0x0124,
  duplicateInvocation: 0x0210,
  unrecognizedOperation: 0x0211,
  mistypedArgument: 0x0212,
  outOfResources: 0xa700,
  outOfResourcesSubOperations: 0xa702,
  moveDestinationUnknown: 0xa801,
  identifierMismatch: 0xa900,
  /** Sub-operations complete, one or more failed or gave warnings. */
  subOperationsWarning: 0xb000,
  cannotUnderstand: 0xc000,
} as const;

/** The DIMSE status of each error code. Cxxx (cannot understand, unable to process) tells by its last digits what was wrong. */
export const DIMSE_STATUS: Readonly<Record<ErrorCode, number>> = {
  'dicom.not-dicom': 0xc001,
  'dicom.truncated': 0xc002,
  'dicom.invalid-meta': 0xc003,
  'dicom.invalid-structure': 0xc004,
  'dicom.limit-exceeded': 0xc005,
  'dicom.inflate-limit': 0xc006,
  'dicom.unknown-transfer-syntax': 0xc007,
  'dicom.missing-identifier': 0xc008,
  'dicom.invalid-identifier': STATUS.invalidInstance,
  'dicom.not-storable': STATUS.sopClassNotSupported,
  'dicom.transcode-unsupported': 0xc009,
  'object-store.already-exists': STATUS.processingFailure,
  'object-store.not-found': STATUS.processingFailure,
  'object-store.invalid-key': STATUS.processingFailure,
  'object-store.invalid-range': STATUS.processingFailure,
  'object-store.full': STATUS.outOfResources,
  'object-store.unavailable': STATUS.outOfResources,
  'object-store.digest-mismatch': STATUS.processingFailure,
  'metadata-store.unavailable': STATUS.outOfResources,
  'event-bus.unavailable': STATUS.outOfResources,
  'query.invalid-value': 0xc00a,
  'query.unknown-attribute': STATUS.identifierMismatch,
  'query.invalid-paging': STATUS.processingFailure,
  'query.missing-key': STATUS.identifierMismatch,
  'archive.not-found': STATUS.noSuchInstance,
  'archive.frame-not-found': STATUS.noSuchInstance,
  'archive.bulk-data-not-found': STATUS.noSuchInstance,
  'archive.study-mismatch': STATUS.identifierMismatch,
  'archive.identifier-mismatch': STATUS.identifierMismatch,
  'archive.too-large': STATUS.outOfResources,
  'archive.busy': STATUS.outOfResources,
  'web.bad-request': STATUS.processingFailure,
  'web.bad-multipart': STATUS.processingFailure,
  'web.unsupported-media-type': STATUS.processingFailure,
  'web.not-acceptable': STATUS.processingFailure,
  'web.not-found': STATUS.processingFailure,
  'web.method-not-allowed': STATUS.processingFailure,
  'web.payload-too-large': STATUS.processingFailure,
  'web.range-not-satisfiable': STATUS.processingFailure,
  'dimse.protocol': STATUS.cannotUnderstand,
  'dimse.association-rejected': STATUS.processingFailure,
  'dimse.aborted': STATUS.processingFailure,
  'dimse.timeout': STATUS.processingFailure,
  'dimse.unknown-destination': STATUS.moveDestinationUnknown,
  'dimse.no-context': STATUS.sopClassNotSupported,
  'config.invalid': STATUS.processingFailure,
  'runtime.start-failed': STATUS.processingFailure,
  'internal.unexpected': STATUS.processingFailure,
};

const TAG = /^[0-9A-F]{8}$/;

/** What a response says beside its data set. */
export interface Outcome {
  status: number;
  /** At most 64 characters reach the peer; never patient data. */
  errorComment?: string;
  /** Tags of 8 upper-case hex digits. */
  offendingElements?: readonly string[];
}

/**
 * The outcome of an operation that ended in an error; its `details.attribute`, if a tag, is the offending element. Anything but
 * a CairnError is a processing failure without its text.
 */
export function outcomeOfError(error: unknown): Outcome {
  if (!CairnError.is(error)) return { status: STATUS.processingFailure, errorComment: 'Internal error.' };
  const outcome = { status: DIMSE_STATUS[error.code], errorComment: error.message };
  const { attribute } = error.details;
  return typeof attribute === 'string' && TAG.test(attribute) ? { ...outcome, offendingElements: [attribute] } : outcome;
}

/** True for the statuses after which further responses follow (PS3.7 §C.1). */
export function isPending(status: number): boolean {
  return status === STATUS.pending || status === STATUS.pendingOptionalKey;
}
