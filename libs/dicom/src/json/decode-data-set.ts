import type { DicomJson } from '@cairn/core';
import { namedSyntax } from '../scanner/choose-syntax.ts';
import { HeaderBuilder } from '../scanner/header-builder.ts';
import { InflateTap } from '../scanner/inflate-tap.ts';
import { DEFAULT_SCAN_LIMITS } from '../scanner/limits.ts';
import { SNIFF_LENGTH } from '../scanner/sniff.ts';
import { DataSetTokenizer } from '../scanner/tokenizer.ts';

/** Settings of {@link decodeDataSet}. */
export interface DecodeOptions {
  /** Longest value that is given, in bytes; longer ones are left as BulkDataURI. Default 1 MiB. */
  inlineBytes?: number;
}

const DEFAULT_INLINE_BYTES = 1024 * 1024;

/**
 * Reads a small data set that is whole in memory, such as a query identifier, with its values. Pixel data stays a BulkDataURI.
 * Throws a CairnError `dicom.*` for a damaged one.
 */
export function decodeDataSet(bytes: Uint8Array, transferSyntaxUid: string, options: DecodeOptions = {}): DicomJson {
  const inlineBytes = options.inlineBytes ?? DEFAULT_INLINE_BYTES;
  const limits = { ...DEFAULT_SCAN_LIMITS, inlineBytes };
  const builder = new HeaderBuilder(limits);
  const { encoding, deflated } = namedSyntax(transferSyntaxUid, Buffer.from(bytes.subarray(0, SNIFF_LENGTH)));
  const tokenizer = new DataSetTokenizer(builder, {
    encoding,
    offset: 0,
    maxDepth: limits.depth,
    maxCollect: inlineBytes,
    enterUnknown: true,
  });
  if (deflated) {
    const tap = new InflateTap(limits, (inflated) => tokenizer.push(inflated));
    tap.push(bytes);
    tap.end();
  } else tokenizer.push(bytes);
  tokenizer.end();
  return builder.header;
}
