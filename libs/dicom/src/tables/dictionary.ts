import { DICTIONARY_LINES } from './dictionary.generated.ts';

/** An attribute of the standard's data dictionary (PS3.6 §6 to 9, PS3.7 annex E). */
export interface Attribute {
  /** 8 upper-case hex digits; of a repeating group as written in the standard: `60xx3000`. */
  tag: string;
  keyword: string;
  /** Two letters, or `US or SS`, `OB or OW`, `US or OW` where the context decides. */
  vr: string;
  /** Value multiplicity as the standard writes it: `1`, `1-n`, `2-2n` … */
  vm: string;
}

interface Dictionary {
  byTag: ReadonlyMap<number, Attribute>;
  /** Keys with `xx` for the free digits. */
  repeating: ReadonlyMap<string, Attribute>;
  byKeyword: ReadonlyMap<string, Attribute>;
}

const TAG = /^[0-9A-F]{8}$/i;

let loaded: Dictionary | undefined;

/** True for 8 hex digits of either case. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** Finds an attribute by its tag (8 hex digits) or its keyword, both in any case. A member of a repeating group comes with its own tag. */
export function findAttribute(tagOrKeyword: string): Attribute | undefined {
  const { byKeyword } = dictionary();
  if (!isTag(tagOrKeyword)) return byKeyword.get(tagOrKeyword.toLowerCase());
  const tag = tagOrKeyword.toUpperCase();
  const attribute = findByNumber(Number.parseInt(tag, 16));
  return attribute?.tag.includes('x') ? { ...attribute, tag } : attribute;
}

/**
 * The VR of a tag (8 hex digits): two letters, or `US or SS` and the like where the context decides; `UN` for a tag that is in
 * no dictionary, private ones included (but `LO` for a private creator and `UL` for a group length).
 */
export function vrOf(tag: string): string {
  return vrOfNumber(Number.parseInt(tag, 16));
}

/** {@link vrOf} for a tag as an unsigned number. */
export function vrOfNumber(tag: number): string {
  const attribute = findByNumber(tag);
  if (attribute) return attribute.vr;
  const element = tag & 0xffff;
  if (element === 0) return 'UL';
  if (isPrivate(tag) && element >= 0x10 && element <= 0xff) return 'LO';
  return 'UN';
}

/** True for an odd group (PS3.5 §7.8). */
export function isPrivate(tag: number): boolean {
  return (tag & 0x10000) !== 0;
}

/** A tag number as 8 upper-case hex digits. */
export function tagText(tag: number): string {
  return dictionary().byTag.get(tag)?.tag ?? (tag >>> 0).toString(16).toUpperCase().padStart(8, '0');
}

function findByNumber(tag: number): Attribute | undefined {
  const { byTag, repeating } = dictionary();
  const attribute = byTag.get(tag);
  if (attribute || isPrivate(tag)) return attribute;
  const group = tag >>> 24;
  if (group === 0x50 || group === 0x60 || group === 0x7f) {
    const text = tagText(tag);
    return repeating.get(`${text.slice(0, 2)}xx${text.slice(4)}`);
  }
  return tag >>> 8 === 0x002031 ? repeating.get('002031xx') : undefined;
}

function dictionary(): Dictionary {
  loaded ??= load();
  return loaded;
}

function load(): Dictionary {
  const byTag = new Map<number, Attribute>();
  const repeating = new Map<string, Attribute>();
  const byKeyword = new Map<string, Attribute>();
  for (const line of DICTIONARY_LINES.trim().split('\n')) {
    const [tag = '', vr = '', vm = '', keyword = ''] = line.split('|');
    const attribute = { tag, keyword, vr, vm };
    if (tag.includes('x')) repeating.set(tag, attribute);
    else byTag.set(Number.parseInt(tag, 16), attribute);
    byKeyword.set(keyword.toLowerCase(), attribute);
  }
  return { byTag, repeating, byKeyword };
}
