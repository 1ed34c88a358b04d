const ASCII = /^[\x20-\x7e]*$/;
/** Letters that Unicode does not decompose but that people type without their stroke or ligature. */
const PLAIN: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ħ: 'h',
  ı: 'i',
  ς: 'σ',
};
const UNDECOMPOSED = /[ßæœøłđðþħıς]/g;
/** Combining marks but the (semi-)voiced sound marks of kana, which make another letter. */
const MARKS = /(?![\u3099\u309a])\p{M}/gu;

/** Text as it is searched: lower case, without diacritics, full-width forms narrowed, outer blanks cut. Idempotent, no locale. */
export function fold(text: string): string {
  const lower = text.trim().toLowerCase();
  if (ASCII.test(lower)) return lower;
  return lower
    .normalize('NFKD')
    .replaceAll(MARKS, '')
    .replaceAll(UNDECOMPOSED, (letter) => PLAIN[letter]!)
    .normalize('NFC')
    .toLowerCase()
    .trim();
}

/** A component group or pattern of a person name, folded, without trailing empty components (PS3.5 §6.2.1). */
export function foldName(group: string): string {
  return fold(group).replace(/[\^ ]+$/, '');
}
