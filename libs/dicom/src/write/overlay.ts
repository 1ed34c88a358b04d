import type { DicomJsonElement } from '@cairn/core';
import type { Encoding } from '../scanner/element.ts';
import { encodeText } from '../text/encode-text.ts';
import { encodeElement } from './encode-element.ts';
import type { WriteContext } from './encode-element.ts';

/** Top-level attributes (keys: 8 upper-case hex digits) that replace or join those of a data set; null removes one. */
export type Overlay = Readonly<Record<string, DicomJsonElement | null>>;

const CHARACTER_SET = 0x00080005;
const UTF8 = 'ISO_IR 192';

/** Hands out the overlay's elements at their places among the elements of a data set that streams by. */
export class OverlayWriter {
  readonly #entries: readonly (readonly [tag: number, element: DicomJsonElement | null])[];
  readonly #tags: ReadonlySet<number>;
  readonly #context: WriteContext;
  #next = 0;
  #charsets: readonly string[] = [];
  #isCharsetKnown = false;

  constructor(overlay: Overlay, encoding: Encoding) {
    const parsed = Object.entries(overlay).map(([tag, element]) => [Number.parseInt(tag, 16), element] as const);
    this.#entries = parsed.filter(([tag]) => tag !== CHARACTER_SET).sort(([a], [b]) => a - b);
    this.#tags = new Set(this.#entries.map(([tag]) => tag));
    this.#context = {
      encoding,
      charsets: [],
      onUnencodable: (text) => Buffer.concat(Array.from(text, (character) => encodeText(character, this.#charsets) ?? Buffer.from('?'))),
    };
  }

  /** True for an attribute whose element in the source is left out. */
  covers(tag: number): boolean {
    return this.#tags.has(tag);
  }

  /** The elements that belong before the source's element `tag`, and the one in its place. */
  upTo(tag: number): Buffer[] {
    const due: Buffer[] = [];
    if (tag > CHARACTER_SET && !this.#isCharsetKnown) due.push(...this.#withoutCharacterSet());
    while (this.#next < this.#entries.length && this.#entries[this.#next]![0] <= tag) {
      const [place, element] = this.#entries[this.#next]!;
      this.#next += 1;
      if (element) due.push(encodeElement(place, element, { ...this.#context, charsets: this.#charsets }));
    }
    return due;
  }

  /**
   * Takes the source's Specific Character Set and gives the terms to write: the same, or UTF-8 where the source has the default
   * repertoire and the overlay more. Characters that another set of the source cannot hold become `?`.
   */
  useCharacterSet(terms: readonly string[]): readonly string[] {
    const isDefault = terms.every((term) => term === '' || /^ISO.IR.6$/.test(term));
    this.#isCharsetKnown = true;
    this.#charsets = isDefault && this.#needsMoreThanAscii() ? [UTF8] : terms;
    return this.#charsets;
  }

  #withoutCharacterSet(): Buffer[] {
    const terms = this.useCharacterSet([]);
    return terms.length === 0 ? [] : [encodeElement(CHARACTER_SET, { vr: 'CS', Value: terms }, this.#context)];
  }

  #needsMoreThanAscii(): boolean {
    return this.#entries.some(([, element]) => /[^\0-\x7f]/.test(JSON.stringify(element)));
  }
}
