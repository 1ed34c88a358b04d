import type { ErrorCode } from '@cairn/core';

/** How an error code appears on the web. */
export interface HttpError {
  status: number;
  /** Failure Reason (0008,1197) of the instance in a STOW-RS answer (PS3.18 Table I.2-2); absent: processing failure. */
  stowReason?: number;
}

/** Failure reasons of PS3.18 Table I.2-2 and PS3.7 annex C. */
const PROCESSING_FAILURE = 0x0110;
const SOP_CLASS_NOT_SUPPORTED = 0x0122;
const OUT_OF_RESOURCES = 0xa700;
const DOES_NOT_MATCH = 0xa900;
const CANNOT_UNDERSTAND = 0xc000;
const TRANSFER_SYNTAX_NOT_SUPPORTED = 0xc122;

/** HTTP status and STOW-RS failure reason of every error code. */
export const HTTP_STATUS: Readonly<Record<ErrorCode, HttpError>> = {
  'dicom.not-dicom': { status: 400, stowReason: CANNOT_UNDERSTAND },
  'dicom.truncated': { status: 400, stowReason: CANNOT_UNDERSTAND },
  'dicom.invalid-meta': { status: 400, stowReason: CANNOT_UNDERSTAND },
  'dicom.invalid-structure': { status: 400, stowReason: CANNOT_UNDERSTAND },
  'dicom.limit-exceeded': { status: 413, stowReason: CANNOT_UNDERSTAND },
  'dicom.inflate-limit': { status: 413, stowReason: CANNOT_UNDERSTAND },
  'dicom.unknown-transfer-syntax': { status: 406, stowReason: TRANSFER_SYNTAX_NOT_SUPPORTED },
  'dicom.missing-identifier': { status: 400, stowReason: CANNOT_UNDERSTAND },
  'dicom.invalid-identifier': { status: 400, stowReason: CANNOT_UNDERSTAND },
  'dicom.not-storable': { status: 409, stowReason: SOP_CLASS_NOT_SUPPORTED },
  'dicom.transcode-unsupported': { status: 406, stowReason: TRANSFER_SYNTAX_NOT_SUPPORTED },
  'object-store.already-exists': { status: 500, stowReason: PROCESSING_FAILURE },
  'object-store.not-found': { status: 500 },
  'object-store.invalid-key': { status: 500 },
  'object-store.invalid-range': { status: 500 },
  'object-store.full': { status: 507, stowReason: OUT_OF_RESOURCES },
  'object-store.unavailable': { status: 503, stowReason: OUT_OF_RESOURCES },
  'object-store.digest-mismatch': { status: 500, stowReason: PROCESSING_FAILURE },
  'metadata-store.unavailable': { status: 503, stowReason: PROCESSING_FAILURE },
  'event-bus.unavailable': { status: 503, stowReason: PROCESSING_FAILURE },
  'query.invalid-value': { status: 400 },
  'query.unknown-attribute': { status: 400 },
  'query.invalid-paging': { status: 400 },
  'query.missing-key': { status: 400 },
  'archive.not-found': { status: 404 },
  'archive.frame-not-found': { status: 404 },
  'archive.bulk-data-not-found': { status: 404 },
  'archive.study-mismatch': { status: 409, stowReason: PROCESSING_FAILURE },
  'archive.identifier-mismatch': { status: 409, stowReason: DOES_NOT_MATCH },
  'archive.too-large': { status: 413, stowReason: OUT_OF_RESOURCES },
  'archive.busy': { status: 503, stowReason: OUT_OF_RESOURCES },
  'web.bad-request': { status: 400 },
  'web.bad-multipart': { status: 400, stowReason: CANNOT_UNDERSTAND },
  'web.unsupported-media-type': { status: 415, stowReason: CANNOT_UNDERSTAND },
  'web.not-acceptable': { status: 406 },
  'web.not-found': { status: 404 },
  'web.method-not-allowed': { status: 405 },
  'web.payload-too-large': { status: 413, stowReason: OUT_OF_RESOURCES },
  'web.range-not-satisfiable': { status: 416 },
  'dimse.protocol': { status: 502 },
  'dimse.association-rejected': { status: 502 },
  'dimse.aborted': { status: 502 },
  'dimse.timeout': { status: 504 },
  'dimse.unknown-destination': { status: 404 },
  'dimse.no-context': { status: 502 },
  'config.invalid': { status: 500 },
  'runtime.start-failed': { status: 500 },
  'internal.unexpected': { status: 500, stowReason: PROCESSING_FAILURE },
};

/** HTTP status of an error code. */
export function httpStatusOf(code: ErrorCode): number {
  return HTTP_STATUS[code].status;
}

/** Failure Reason (0008,1197) of an error code in a STOW-RS answer. */
export function stowReasonOf(code: ErrorCode): number {
  return HTTP_STATUS[code].stowReason ?? PROCESSING_FAILURE;
}
