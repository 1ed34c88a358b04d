import { CairnError } from '@cairn/core';
import type { DicomJson, DicomJsonElement } from '@cairn/core';
import { decodeElement } from '../json/decode-value.ts';
import type { Span } from '../scan-result.ts';
import { tagText } from '../tables/dictionary.ts';
import { characterSetOf } from '../text/charsets.ts';
import type { DataSetHandler, ElementHeader, ValueTreatment } from './element.ts';
import { FragmentCollector } from './fragment-collector.ts';
import type { ScanLimits } from './limits.ts';
import { resolveVr } from './resolve-vr.ts';
import type { VrContext } from './resolve-vr.ts';

/** A data set or item that is being described. */
interface OpenItem extends VrContext {
  json: Record<string, DicomJsonElement>;
  charsets: readonly string[];
  lastTag: number;
  isSorted: boolean;
}

/** A sequence that is being described. */
interface OpenSequence {
  tag: number;
  valueOffset: number;
  items: DicomJson[];
  /** Length of the list of bulk values before it. */
  bulkBefore: number;
}

/** Encapsulated pixel data under way; nested ones (icons) are only measured. */
interface OpenFragments {
  tag: number;
  valueOffset: number;
  collector?: FragmentCollector;
}

/** Pixel data as met at the top level. */
export interface FoundPixelData {
  tag: string;
  vr: string;
  span: Span;
  /** Encapsulated pixel data only. */
  fragments?: FragmentCollector;
}

const CHARACTER_SET = 0x00080005;
const BITS_ALLOCATED = 0x00280100;
const PIXEL_REPRESENTATION = 0x00280103;
const EXTENDED_OFFSET_TABLE = 0x7fe00001;
const TRAILING_PADDING = 0xfffcfffc;
const PIXEL_GROUP = 0x7fe0;
const PIXEL_DATA: ReadonlySet<number> = new Set([0x7fe00008, 0x7fe00009, 0x7fe00010]);

/** The largest extended offset table that is kept to be checked: 8 bytes a frame. */
const MAX_OFFSET_TABLE = 16 * 1024 * 1024;
const HEADER = 8;

/** Describes a data set as DICOM JSON while it streams by, within bounds. */
export class HeaderBuilder implements DataSetHandler {
  readonly warnings = new Set<string>();
  readonly bulk: [path: string, span: Span][] = [];
  pixelData: FoundPixelData | undefined;

  readonly #limits: ScanLimits;
  readonly #items: OpenItem[];
  readonly #sequences: OpenSequence[] = [];
  #item: OpenItem;
  #vr = 'UN';
  #elements = 0;
  #headerBytes = 0;
  /** The two counts when the current top-level sequence began. */
  #before = { elements: 0, headerBytes: 0 };
  /** A top-level sequence too large to describe: it is only walked, `depth` sequences deep at the moment. */
  #oversized: { tag: number; valueOffset: number; depth: number } | undefined;
  #sink: ((piece: Buffer) => void) | undefined;
  #offsetTable: Buffer[] | undefined;
  #fragments: OpenFragments | undefined;

  constructor(limits: ScanLimits) {
    this.#limits = limits;
    this.#item = { json: {}, charsets: [], lastTag: -1, isSorted: true, pixelRepresentation: 0, bitsAllocated: 16 };
    this.#items = [this.#item];
  }

  /** The data set described so far. */
  get header(): DicomJson {
    return sortedJson(this.#items[0]!);
  }

  /** The value of Extended Offset Table (7FE0,0001), undefined when there is none or it is too large. */
  get extendedOffsetTable(): Buffer | undefined {
    return this.#offsetTable && Buffer.concat(this.#offsetTable);
  }

  onElement(header: ElementHeader): ValueTreatment {
    const { tag, length } = header;
    if (this.#oversized || (tag & 0xffff) === 0 || tag === TRAILING_PADDING) return 'skip';
    this.#use(HEADER + (length <= this.#limits.inlineBytes ? length : 0));
    if (this.#oversized) return 'skip';
    this.#vr = resolveVr(header, this.#item);
    return tag >>> 16 === PIXEL_GROUP ? this.#onPixelGroup(header) : this.#describe(header);
  }

  onValue(header: ElementHeader, value: Buffer): void {
    const item = this.#item;
    const bigEndian = header.encoding.bigEndian && header.vr !== 'UN';
    const element = decodeElement(this.#vr, value, { bigEndian, charsets: item.charsets });
    this.#add(header.tag, element);
    const first = element.Value?.[0];
    if (header.tag === CHARACTER_SET) this.#setCharacterSets(element);
    else if (header.tag === PIXEL_REPRESENTATION && typeof first === 'number') item.pixelRepresentation = first;
    else if (header.tag === BITS_ALLOCATED && typeof first === 'number') item.bitsAllocated = first;
  }

  onPiece(piece: Buffer): void {
    this.#sink?.(piece);
  }

  onValueEnd(): void {
    this.#sink = undefined;
  }

  onSequence(header: ElementHeader): void {
    if (this.#oversized) {
      this.#oversized.depth += 1;
      return;
    }
    if (this.#sequences.length === 0) this.#before = { elements: this.#elements, headerBytes: this.#headerBytes };
    this.#sequences.push({ tag: header.tag, valueOffset: header.valueOffset, items: [], bulkBefore: this.bulk.length });
    this.#use(HEADER);
  }

  onItem(): void {
    if (this.#oversized) return;
    this.#use(HEADER);
    if (this.#oversized) return;
    const { charsets, pixelRepresentation, bitsAllocated } = this.#item;
    this.#item = { json: {}, charsets, lastTag: -1, isSorted: true, pixelRepresentation, bitsAllocated };
    this.#items.push(this.#item);
    this.#sequences.at(-1)!.items.push(this.#item.json);
  }

  onItemEnd(): void {
    if (this.#oversized) return;
    const { items } = this.#sequences.at(-1)!;
    items[items.length - 1] = sortedJson(this.#items.pop()!);
    this.#item = this.#items.at(-1)!;
  }

  onSequenceEnd(endOffset: number): void {
    if (this.#oversized) {
      this.#oversized.depth -= 1;
      if (this.#oversized.depth === 0) this.#addOversized('SQ', endOffset - this.#oversized.valueOffset);
      return;
    }
    const { tag, items } = this.#sequences.pop()!;
    this.#add(tag, items.length === 0 ? { vr: 'SQ' } : { vr: 'SQ', Value: items });
  }

  onSequenceAbandoned(openSequences: number, valueOffset: number, length: number): void {
    if (this.#oversized) {
      this.#oversized.depth = openSequences;
      if (openSequences === 0) this.#addOversized('UN', length);
      return;
    }
    const { tag, bulkBefore } = this.#sequences[openSequences]!;
    this.#sequences.length = openSequences;
    this.#items.length = openSequences + 1;
    this.#item = this.#items[openSequences]!;
    this.bulk.length = bulkBefore;
    this.#addBulk(tag, 'UN', [valueOffset, length]);
  }

  onFragments(header: ElementHeader): void {
    if (this.#oversized) return;
    this.#use(HEADER);
    if (this.#oversized) return;
    this.#vr = resolveVr(header, this.#item);
    const { tag, valueOffset } = header;
    const isTop = this.#sequences.length === 0 && PIXEL_DATA.has(tag);
    this.#fragments = { tag, valueOffset, ...(isTop && { collector: new FragmentCollector(this.#limits.fragments) }) };
  }

  onFragment(valueOffset: number, length: number): ValueTreatment {
    const collector = this.#fragments?.collector;
    if (!collector) return 'skip';
    collector.add(valueOffset, length);
    this.#sink = (piece) => collector.onPiece(piece);
    return 'stream';
  }

  onFragmentsEnd(endOffset: number): void {
    if (!this.#fragments) return;
    const { tag, valueOffset, collector } = this.#fragments;
    const span: Span = [valueOffset, endOffset - valueOffset];
    if (collector) this.pixelData ??= { tag: tagText(tag), vr: this.#vr, span, fragments: collector };
    this.#addBulk(tag, this.#vr, span);
    this.#fragments = undefined;
  }

  onWarning(text: string): void {
    this.warnings.add(text);
  }

  #describe({ tag, length, valueOffset }: ElementHeader): ValueTreatment {
    if (length === 0) this.#add(tag, { vr: this.#vr });
    else if (PIXEL_DATA.has(tag) || length > this.#limits.inlineBytes) this.#addBulk(tag, this.#vr, [valueOffset, length]);
    else return 'collect';
    return 'skip';
  }

  #onPixelGroup(header: ElementHeader): ValueTreatment {
    const { tag, length, valueOffset } = header;
    if (this.#sequences.length > 0) return this.#describe(header);
    if (tag === EXTENDED_OFFSET_TABLE && length <= MAX_OFFSET_TABLE) return this.#keepOffsetTable(header);
    if (PIXEL_DATA.has(tag)) this.pixelData ??= { tag: tagText(tag), vr: this.#vr, span: [valueOffset, length] };
    return this.#describe(header);
  }

  #keepOffsetTable(header: ElementHeader): ValueTreatment {
    const pieces: Buffer[] = [];
    this.#offsetTable = pieces;
    this.#sink = (piece) => pieces.push(Buffer.from(piece));
    if (header.length === 0) this.#add(header.tag, { vr: this.#vr });
    else this.#addBulk(header.tag, this.#vr, [header.valueOffset, header.length]);
    return 'stream';
  }

  #setCharacterSets(element: DicomJsonElement): void {
    const terms = (element.Value ?? []).map((term) => (typeof term === 'string' ? term : ''));
    if (terms.some((term) => characterSetOf(term) === undefined)) this.warnings.add('unknown character set');
    this.#item.charsets = terms;
  }

  #add(tag: number, element: DicomJsonElement): void {
    const item = this.#item;
    const key = tagText(tag);
    if (tag <= item.lastTag) {
      item.isSorted = false;
      this.warnings.add(key in item.json ? 'an element occurs twice' : 'elements are not in order');
      if (key in item.json) return;
    }
    item.lastTag = Math.max(item.lastTag, tag);
    item.json[key] = element;
  }

  #addBulk(tag: number, vr: string, span: Span): void {
    const parents = this.#sequences.map(({ tag: parent, items }) => `${tagText(parent)}/${items.length - 1}/`);
    const path = parents.join('') + tagText(tag);
    this.bulk.push([path, span]);
    this.#add(tag, { vr, BulkDataURI: `bulkdata/${path}` });
  }

  /** Counts what is about to be described; over the limit the top-level sequence around it is no longer described. */
  #use(bytes: number): void {
    this.#elements += 1;
    this.#headerBytes += bytes;
    if (this.#elements <= this.#limits.elements && this.#headerBytes <= this.#limits.headerBytes) return;
    const top = this.#sequences[0];
    if (!top) throw new CairnError('dicom.limit-exceeded', 'The data set has more elements than can be described.');
    this.#oversized = { tag: top.tag, valueOffset: top.valueOffset, depth: this.#sequences.length };
    this.#sequences.length = 0;
    this.#items.length = 1;
    this.#item = this.#items[0]!;
    this.bulk.length = top.bulkBefore;
    this.#elements = this.#before.elements + 1;
    this.#headerBytes = this.#before.headerBytes + HEADER;
    this.warnings.add('a sequence is too large to be described');
  }

  #addOversized(vr: string, length: number): void {
    const { tag, valueOffset } = this.#oversized!;
    this.#oversized = undefined;
    this.#addBulk(tag, vr, [valueOffset, length]);
  }
}

/** The item's elements in ascending order of tags, so that equal data sets give equal JSON. */
function sortedJson(item: OpenItem): DicomJson {
  if (item.isSorted) return item.json;
  return Object.fromEntries(Object.entries(item.json).sort(([a], [b]) => (a < b ? -1 : 1)));
}
