/** Bounds of a scan. What crosses `headerBytes` or `elements` inside a sequence leaves that sequence as {offset, length}. */
export interface ScanLimits {
  /** Bytes of elements that are described in memory. */
  headerBytes: number;
  /** Elements and items that are described in memory. */
  elements: number;
  /** Sequences within sequences. */
  depth: number;
  /** Longest value that is copied into the header, in bytes. */
  inlineBytes: number;
  /** Bytes of preamble and file meta information. */
  metaBytes: number;
  /** Fragments of encapsulated pixel data whose places are kept. */
  fragments: number;
  /** Bytes that a deflated data set may grow to. */
  inflatedBytes: number;
  /** Times a deflated data set may grow, once it is larger than 16 MiB. */
  inflateRatio: number;
}

/** The defaults; inflated sizes: a deflated 20 GB object does not exist, one of a few GB does. */
export const DEFAULT_SCAN_LIMITS: ScanLimits = {
  headerBytes: 8 * 1024 * 1024,
  elements: 200_000,
  depth: 64,
  inlineBytes: 1024,
  metaBytes: 1024 * 1024,
  fragments: 2_000_000,
  inflatedBytes: 4 * 1024 * 1024 * 1024,
  inflateRatio: 200,
};
