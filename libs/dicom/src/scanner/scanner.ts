import { createHash, hash } from 'node:crypto';
import { CairnError } from '@cairn/core';
import type { DicomJson } from '@cairn/core';
import type { PixelDataDescription, ScanResult } from '../scan-result.ts';
import { guessedSyntax, namedSyntax, syntaxOfMeta } from './choose-syntax.ts';
import type { ChosenSyntax } from './choose-syntax.ts';
import { digestElements } from './digest-elements.ts';
import { readFileMeta } from './file-meta.ts';
import { describePixels } from './frame-table.ts';
import { HeaderBuilder } from './header-builder.ts';
import { InflateTap } from './inflate-tap.ts';
import { DEFAULT_SCAN_LIMITS } from './limits.ts';
import type { ScanLimits } from './limits.ts';
import { PrefixBuffer } from './prefix-buffer.ts';
import { SNIFF_LENGTH } from './sniff.ts';
import { DELIMITER_MISSING, DataSetTokenizer } from './tokenizer.ts';

/** Settings of a {@link DicomScanner}. */
export interface ScannerOptions {
  /** Transfer syntax of a bare data set; without it the coding is guessed from the first element. Part 10 bytes name their own. */
  transferSyntaxUid?: string;
  limits?: Partial<ScanLimits>;
}

/** What stands before the data set, once it is known. */
interface Prologue {
  meta: DicomJson;
  dataSetOffset: number;
  hasPreamble: boolean;
  sha256Meta: string;
  syntax: ChosenSyntax;
}

/** Takes the data set's bytes: the tokenizer, or for a deflated data set the inflater in front of it. */
interface DataSetSink {
  push(chunk: Uint8Array): void;
  end(): void;
}

/**
 * Describes a DICOM instance in one pass over its bytes: header as DICOM JSON, places of frames and bulk values, digests.
 * Synchronous, also for deflated data; memory is bounded by the limits whatever the lengths claim.
 *
 * @example
 * const scanner = new DicomScanner();
 * for await (const chunk of source) scanner.push(chunk);
 * const { header, pixels, sha256DataSet } = scanner.end();
 */
export class DicomScanner {
  readonly #options: ScannerOptions;
  readonly #limits: ScanLimits;
  readonly #builder: HeaderBuilder;
  readonly #prefix: PrefixBuffer;
  readonly #digest = createHash('sha256');
  #prologue: Prologue | undefined;
  #sink: DataSetSink | undefined;
  #sizeBytes = 0;

  constructor(options: ScannerOptions = {}) {
    this.#options = options;
    this.#limits = { ...DEFAULT_SCAN_LIMITS, ...options.limits };
    this.#builder = new HeaderBuilder(this.#limits);
    this.#prefix = new PrefixBuffer(this.#limits.metaBytes);
  }

  /** Takes the next bytes and keeps none of the chunk. Throws a CairnError `dicom.*`; the scanner is of no use after it. */
  push(chunk: Uint8Array): void {
    this.#sizeBytes += chunk.length;
    if (this.#sink) this.#pushDataSet(chunk);
    else if (this.#prefix.add(chunk)) this.#start(false);
  }

  /** Call once after the last byte. Throws a CairnError `dicom.*`, `dicom.truncated` for an instance that is cut off. */
  end(): ScanResult {
    if (!this.#prologue) this.#start(true);
    this.#sink?.end();
    const { syntax, ...prologue } = this.#prologue!;
    const { header, warnings } = this.#builder;
    const pixels = this.#describePixels(header, syntax);
    return {
      ...prologue,
      header,
      bulk: Object.fromEntries(this.#builder.bulk),
      ...(pixels && { pixels }),
      transferSyntaxUid: syntax.transferSyntaxUid,
      sizeBytes: this.#sizeBytes,
      sha256DataSet: this.#digest.digest('hex'),
      sha256Elements: digestElements(header),
      warnings: [...warnings],
    };
  }

  /** Reads what stands before the data set; asks for more bytes unless these were all. */
  #start(isEnd: boolean): void {
    const bytes = this.#prefix.bytes;
    const outcome = readFileMeta(bytes, isEnd);
    if (outcome.kind === 'need') return this.#prefix.need(outcome.bytes);
    const { meta, dataSetOffset, hasPreamble, warnings } =
      outcome.kind === 'meta' ? outcome : { meta: {}, dataSetOffset: 0, hasPreamble: false, warnings: [] };
    if (bytes.length < dataSetOffset + SNIFF_LENGTH && !isEnd) return this.#prefix.need(dataSetOffset + SNIFF_LENGTH);
    const start = bytes.subarray(dataSetOffset, dataSetOffset + SNIFF_LENGTH);
    const uid = outcome.kind === 'meta' ? syntaxOfMeta(meta) : this.#options.transferSyntaxUid;
    const syntax = uid === undefined ? guessedSyntax(start) : namedSyntax(uid, start);
    for (const warning of [...warnings, ...syntax.warnings]) this.#builder.onWarning(warning);
    const sha256Meta = hash('sha256', bytes.subarray(0, dataSetOffset), 'hex');
    this.#prologue = { meta, dataSetOffset, hasPreamble, sha256Meta, syntax };
    this.#sink = this.#openSink(dataSetOffset, syntax);
    this.#pushDataSet(bytes.subarray(dataSetOffset));
    this.#prefix.clear();
  }

  #pushDataSet(chunk: Uint8Array): void {
    this.#digest.update(chunk);
    this.#sink!.push(chunk);
  }

  #openSink(offset: number, syntax: ChosenSyntax): DataSetSink {
    const { depth: maxDepth, inlineBytes: maxCollect } = this.#limits;
    const tokenizer = new DataSetTokenizer(this.#builder, { encoding: syntax.encoding, offset, maxDepth, maxCollect, enterUnknown: true });
    if (!syntax.deflated) return tokenizer;
    const tap = new InflateTap(this.#limits, (bytes) => tokenizer.push(bytes));
    return {
      push: (chunk) => tap.push(chunk),
      end() {
        tap.end();
        tokenizer.end();
      },
    };
  }

  #describePixels(header: DicomJson, syntax: ChosenSyntax): PixelDataDescription | undefined {
    const { pixelData, extendedOffsetTable, warnings } = this.#builder;
    if (!pixelData) return undefined;
    const { fragments } = pixelData;
    if (fragments && syntax.isGuess) {
      throw new CairnError('dicom.unknown-transfer-syntax', 'Compressed pixel data without file meta information.');
    }
    const pixels = describePixels(pixelData, header, syntax.transferSyntaxUid, extendedOffsetTable);
    if (fragments && warnings.has(DELIMITER_MISSING) && fragments.count < pixels.numberOfFrames) {
      throw new CairnError('dicom.truncated', 'The data ends before the last fragment of the pixel data.');
    }
    return pixels;
  }
}
