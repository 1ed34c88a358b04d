import type { Scope } from '@cairn/core';
import type { InstanceSelector, RetrievableInstance } from '@cairn/metadata-store';
import type { ByteRange } from '@cairn/object-store';

/** Bytes on their way out. */
export interface OutgoingBytes {
  /** Undefined when it is known only after conversion. */
  sizeBytes?: number;
  chunks: AsyncIterable<Uint8Array>;
}

/** An instance on its way out. */
export interface OutgoingInstance extends OutgoingBytes {
  transferSyntaxUid: string;
}

/** Frames of one instance, as stored. */
export interface OutgoingFrames {
  transferSyntaxUid: string;
  /** The frame's own media type by PS3.18 §8.7.3, `application/octet-stream` when uncompressed. */
  mediaType: string;
  /** In the order asked for. */
  frames: readonly { number: number; sizeBytes: number; open(range?: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array> }[];
}

/** One bulk value. */
export interface OutgoingBulkData {
  vr: string;
  /** `application/pdf` and the like where the instance tells (0042,0012), else `application/octet-stream`. */
  mediaType: string;
  transferSyntaxUid: string;
  sizeBytes: number;
  open(range?: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** The transfer syntax wanted: `*` as stored, or a UID. */
export type WantedSyntax = string;

/** One instance of {@link InstanceRetriever.openMany}: open, or the reason why it could not be opened. */
export type OpenedInstance =
  { instance: RetrievableInstance; outgoing: OutgoingInstance } | { instance: RetrievableInstance; outgoing?: undefined; error: unknown };

/** How {@link InstanceRetriever.openMany} gives each instance. */
export interface OpenManyOptions {
  /** `part10` for files, `data-set` for C-STORE sub-operations. */
  form: 'part10' | 'data-set';
  wanted(instance: RetrievableInstance): WantedSyntax;
}

/** The one way out; nothing here parses a stored file, except to re-encode an uncompressed one. */
export interface InstanceRetriever {
  /** The instances of a selector in order; `archive.not-found` when there are none. */
  select(scope: Scope, selector: InstanceSelector, signal?: AbortSignal): Promise<AsyncIterable<RetrievableInstance>>;

  /** Can this stored syntax be given as the wanted one (same, or both uncompressed or deflated)? */
  canGive(storedTransferSyntaxUid: string, wanted: WantedSyntax): boolean;

  /**
   * A Part 10 file: as stored byte for byte for `*` or the stored syntax (a bare data set gets meta information), else
   * re-encoded under new preamble and meta information. `dicom.transcode-unsupported` where canGive is false.
   */
  openInstance(scope: Scope, instance: RetrievableInstance, wanted: WantedSyntax, signal?: AbortSignal): Promise<OutgoingInstance>;

  /** The data set alone, for C-STORE sub-operations. */
  openDataSet(scope: Scope, instance: RetrievableInstance, wanted: WantedSyntax, signal?: AbortSignal): Promise<OutgoingInstance>;

  /**
   * Opens instance after instance, the next while the caller still consumes the bytes of the one before, each once and in order.
   * One that cannot be opened is given with its error and ends nothing. Bytes not taken when the next is asked for are given up.
   */
  openMany(
    scope: Scope,
    instances: AsyncIterable<RetrievableInstance> | Iterable<RetrievableInstance>,
    options: OpenManyOptions,
    signal?: AbortSignal,
  ): AsyncIterable<OpenedInstance>;

  /**
   * DICOM JSON texts, one per instance, BulkDataURIs absolute: `<base>/studies/…/instances/…/bulkdata/<path>`.
   * `archive.not-found` when nothing is selected.
   */
  metadata(scope: Scope, selector: InstanceSelector, base: string, signal?: AbortSignal): Promise<AsyncIterable<string>>;

  /** Frames by number from 1; `archive.frame-not-found` for one that does not exist, before any byte is given. */
  frames(scope: Scope, selector: Required<InstanceSelector>, numbers: readonly number[]): Promise<OutgoingFrames>;

  /**
   * A bulk value by its path (`00091010`, `52009230/0/00089124`); `archive.bulk-data-not-found`. Pixel data included: native as
   * one little endian value, encapsulated as its frames, to be sent one part each (PS3.18 §8.7.3.3).
   */
  bulkData(scope: Scope, selector: Required<InstanceSelector>, path: string): Promise<OutgoingBulkData | OutgoingFrames>;
}
