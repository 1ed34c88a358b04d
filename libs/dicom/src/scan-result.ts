import type { DicomJson } from '@cairn/core';

/** A span of bytes: [offset, length]. */
export type Span = readonly [offset: number, length: number];

/** Where the frames lie. Offsets count from the first byte of the stored object (deflated: of object prefix + inflated data set). */
export type FrameTable =
  /** Uncompressed: frame n is `frameLength` bytes at offset + n × frameLength (bits, when `frameBits` is no multiple of 8). */
  | { kind: 'native'; offset: number; length: number; frameBits: number; count: number }
  /** Compressed: for each frame its fragments, item headers left out. */
  | { kind: 'encapsulated'; frames: readonly (readonly Span[])[] }
  /** MPEG and the like: the whole stream is one object; its fragments in order. */
  | { kind: 'video'; fragments: readonly Span[] };

/** What a frame request needs to know of an instance's pixel data. */
export interface PixelDataDescription {
  /** Tag: 7FE00010, 7FE00008 (float) or 7FE00009 (double). */
  tag: string;
  vr: string;
  transferSyntaxUid: string;
  /** Position of the value (native) or of the first item (encapsulated). */
  span: Span;
  numberOfFrames: number;
  rows: number;
  columns: number;
  samplesPerPixel: number;
  bitsAllocated: number;
  /** Undefined when the attributes or offset tables do not allow to tell the frames: the instance is stored all the same. */
  frames?: FrameTable;
  /** Why `frames` is missing, or which offset table was found to contradict the item walk (the walk won). */
  problem?: string;
}

/** What the scanner knows at the end of the stream; computed in one pass. */
export interface ScanResult {
  /** File meta information as DICOM JSON, empty for a bare data set. */
  meta: DicomJson;
  /** The data set as DICOM JSON; long values and pixel data by relative BulkDataURI (see `bulk`). */
  header: DicomJson;
  /** Bulk path (`00091010`, `52009230/0/00089124/…`) → where its value lies. */
  bulk: Readonly<Record<string, Span>>;
  pixels?: PixelDataDescription;
  transferSyntaxUid: string;
  /** All bytes pushed. */
  sizeBytes: number;
  /** First byte of the data set: length of preamble and meta information. */
  dataSetOffset: number;
  hasPreamble: boolean;
  /** Hex SHA-256 of the bytes before `dataSetOffset`. */
  sha256Meta: string;
  /** Hex SHA-256 of the bytes from `dataSetOffset`. */
  sha256DataSet: string;
  /** Hex SHA-256 over the header without group lengths, private and bulk elements. */
  sha256Elements: string;
  /** Deviations that were read over (odd lengths, missing delimiter, wrong group length …), each once. */
  warnings: readonly string[];
}
