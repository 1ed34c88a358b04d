import type { CairnError, Scope } from '@cairn/core';
import type { ReceiptSource } from '@cairn/metadata-store';

/** What the door through which an instance comes knows about it. */
export interface ReceiveRequest {
  source: ReceiptSource;
  /** Transfer syntax of a bare data set; Part 10 bytes name their own. */
  transferSyntaxUid?: string;
  /** Identity announced outside the bytes; a difference is refused (`archive.identifier-mismatch`, `archive.study-mismatch`). */
  announced?: { sopClassUid?: string; sopInstanceUid?: string; studyInstanceUid?: string };
}

/** An instance that is durable. */
export interface StoredInstance {
  ulid: string;
  studyInstanceUid: string;
  seriesInstanceUid: string;
  sopInstanceUid: string;
  sopClassUid: string;
  transferSyntaxUid: string;
  sizeBytes: number;
  /** What the scanner read over; the instance is stored unchanged all the same. */
  warnings: readonly string[];
}

/** Stored durably, or refused with nothing left behind. On a refusal the source was not read to its end: the caller drains it. */
export type ReceiveOutcome =
  { kind: 'stored'; instance: StoredInstance } | { kind: 'refused'; error: CairnError; sopClassUid?: string; sopInstanceUid?: string };

/** The one way in: bytes → scanner and digests → durable object → event. */
export interface InstanceReceiver {
  /** Resolves `stored` only when the object is durable; the index follows within moments. Rejects only on abort or a fault of ours. */
  receive(scope: Scope, request: ReceiveRequest, source: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<ReceiveOutcome>;
}
