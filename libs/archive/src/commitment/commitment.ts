import type { Scope } from '@cairn/core';

/** An instance by the pair of UIDs with which a requestor names it (PS3.3 table 10-11). */
export interface InstanceReference {
  sopClassUid: string;
  sopInstanceUid: string;
}

/** What an application entity wants to be told of (PS3.4 §J.3.2). */
export interface CommitmentRequest {
  transactionUid: string;
  /** AE title of the requestor, to which the report goes. */
  requestorAet: string;
  references: readonly InstanceReference[];
}

/** Values of Failure Reason (0008,1197) in use (PS3.3 §C.14.1.1). */
export const FAILURE_REASON = {
  /** The stored object is missing or not what was received. */
  processingFailure: 0x0110,
  noSuchInstance: 0x0112,
  classInstanceConflict: 0x0119,
  duplicateTransactionUid: 0x0131,
} as const;

/** An instance that is not committed. */
export interface FailedReference extends InstanceReference {
  /** One of {@link FAILURE_REASON}. */
  reason: number;
}

/** How a transaction ended: each reference of the request in one of the two lists. */
export interface CommitmentReport {
  transactionUid: string;
  requestorAet: string;
  committed: readonly InstanceReference[];
  failed: readonly FailedReference[];
}

/** Tells the requestor; throws when it could not be reached or did not take the report. */
export type SendReport = (report: CommitmentReport, signal: AbortSignal) => Promise<void>;

/** The archive's promise to keep instances, so that their sender may delete them. */
export interface CommitmentService {
  /**
   * Takes a request on: when it resolves, the request is durable and will be reported on by whichever process lives. The same
   * request again is one; another one under a Transaction UID in use is reported as failed. Throws `metadata-store.unavailable`.
   */
  request(scope: Scope, request: CommitmentRequest): Promise<void>;

  /**
   * Works on one request that is due, if there is one: verifies its instances, then sends the report. What cannot be done now is
   * due again later, by whichever process asks then. False when none was due. Throws `metadata-store.unavailable`.
   */
  handleNext(scope: Scope, send: SendReport, signal: AbortSignal): Promise<boolean>;
}
