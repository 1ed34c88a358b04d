import { CairnError } from '@cairn/core';

/** PDU types of PS3.8 §9.3. */
export const PDU = { associateRq: 1, associateAc: 2, associateRj: 3, dataTf: 4, releaseRq: 5, releaseRp: 6, abort: 7 } as const;

/** Bytes of a PDU header: type, reserved, length (PS3.8 §9.3.1). */
export const PDU_HEADER_LENGTH = 6;

/** Largest A-ASSOCIATE-RQ or -AC read: 128 contexts with 30 transfer syntaxes each fit; the maximum length of P-DATA does not bind these. */
export const MAX_ASSOCIATE_LENGTH = 262_144;

/** Largest P-DATA-TF that we take by default. */
export const DEFAULT_MAX_PDU_LENGTH = 262_144;

/** Smallest maximum length of a peer that leaves room for a PDV header and some bytes; a smaller one is refused. */
export const MIN_MAX_PDU_LENGTH = 32;

/** Why an association is refused (PS3.8 Table 9-21). */
export interface Rejection {
  /** 1 permanent, 2 transient. */
  result: 1 | 2;
  /** 1 service user, 2 service provider (ACSE), 3 service provider (presentation). */
  source: 1 | 2 | 3;
  reason: number;
}

/** The rejections in use. */
export const REJECTION = {
  noReason: { result: 1, source: 1, reason: 1 },
  applicationContext: { result: 1, source: 1, reason: 2 },
  callingAet: { result: 1, source: 1, reason: 3 },
  calledAet: { result: 1, source: 1, reason: 7 },
  protocolVersion: { result: 1, source: 2, reason: 2 },
  temporaryCongestion: { result: 2, source: 3, reason: 1 },
  localLimitExceeded: { result: 2, source: 3, reason: 2 },
} as const satisfies Readonly<Record<string, Rejection>>;

/** Source and reason of an A-ABORT (PS3.8 Table 9-26): source 0 the service user, 2 the provider. */
export interface Abort {
  source: number;
  reason: number;
}

/** Reasons of a provider's A-ABORT. */
export const ABORT_REASON = {
  notSpecified: 0,
  unrecognizedPdu: 1,
  unexpectedPdu: 2,
  unrecognizedParameter: 4,
  unexpectedParameter: 5,
  invalidParameterValue: 6,
} as const;

/** A-ASSOCIATE-RJ: reserved, result, source, reason (PS3.8 §9.3.4). */
export function encodeReject(rejection: Rejection): Buffer {
  return Buffer.from([PDU.associateRj, 0, 0, 0, 0, 4, 0, rejection.result, rejection.source, rejection.reason]);
}

/** The four bytes after the header of an A-ASSOCIATE-RJ. Odd values are passed on as they came. */
export function decodeReject(body: Buffer): { result: number; source: number; reason: number } {
  return { result: body[1]!, source: body[2]!, reason: body[3]! };
}

/** A-RELEASE-RQ: four reserved bytes (PS3.8 §9.3.6). */
export function encodeReleaseRq(): Buffer {
  return Buffer.from([PDU.releaseRq, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
}

/** A-RELEASE-RP: four reserved bytes (PS3.8 §9.3.7). */
export function encodeReleaseRp(): Buffer {
  return Buffer.from([PDU.releaseRp, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
}

/** A-ABORT: two reserved bytes, source, reason (PS3.8 §9.3.8). */
export function encodeAbort(abort: Abort): Buffer {
  return Buffer.from([PDU.abort, 0, 0, 0, 0, 4, 0, 0, abort.source, abort.reason]);
}

/** The four bytes after the header of an A-ABORT. */
export function decodeAbort(body: Buffer): Abort {
  return { source: body[2]!, reason: body[3]! };
}

/** The error for a peer that broke the upper layer or message protocol; `abortReason` goes into the A-ABORT. */
export function protocolError(message: string, abortReason: number = ABORT_REASON.invalidParameterValue): CairnError {
  return new CairnError('dimse.protocol', message, { details: { abortReason } });
}
