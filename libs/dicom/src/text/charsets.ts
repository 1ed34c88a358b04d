/** A character set of PS3.3 Table C.12-2 to C.12-5, as the decoder needs it. */
export interface CharacterSet {
  /** The defined term without ISO prefix: `6`, `100`, `87`, `192`, `GB18030` … */
  id: string;
  /** Label of the WHATWG encoding that holds its characters. */
  label: string;
  /** Which half a designation fills: bytes below 0x80 or from 0xA0 (ISO 2022 G0 and G1); `all`: no code extensions. */
  half: 'g0' | 'g1' | 'all';
  /** Bytes a character; 0 for a variable number. */
  width: 0 | 1 | 2;
  /** ISO 2022 escape sequence after ESC, where it has one. */
  escape?: string;
}

/** Defined terms (PS3.3 C.12.1.1.2). JIS X 0201 Romaji (14) is read as ASCII: its backslash delimits values. */
const CHARACTER_SETS: readonly CharacterSet[] = [
  { id: '6', label: 'ascii', half: 'g0', width: 1, escape: '(B' },
  { id: '100', label: 'iso-8859-1', half: 'g1', width: 1, escape: '-A' },
  { id: '101', label: 'iso-8859-2', half: 'g1', width: 1, escape: '-B' },
  { id: '109', label: 'iso-8859-3', half: 'g1', width: 1, escape: '-C' },
  { id: '110', label: 'iso-8859-4', half: 'g1', width: 1, escape: '-D' },
  { id: '126', label: 'iso-8859-7', half: 'g1', width: 1, escape: '-F' },
  { id: '127', label: 'iso-8859-6', half: 'g1', width: 1, escape: '-G' },
  { id: '138', label: 'iso-8859-8', half: 'g1', width: 1, escape: '-H' },
  { id: '144', label: 'iso-8859-5', half: 'g1', width: 1, escape: '-L' },
  { id: '148', label: 'iso-8859-9', half: 'g1', width: 1, escape: '-M' },
  { id: '166', label: 'windows-874', half: 'g1', width: 1, escape: '-T' },
  { id: '203', label: 'iso-8859-15', half: 'g1', width: 1, escape: '-b' },
  { id: '13', label: 'shift_jis', half: 'g1', width: 1, escape: ')I' },
  { id: '14', label: 'ascii', half: 'g0', width: 1, escape: '(J' },
  { id: '87', label: 'euc-jp', half: 'g0', width: 2, escape: '$B' },
  { id: '159', label: 'euc-jp', half: 'g0', width: 2, escape: '$(D' },
  { id: '149', label: 'euc-kr', half: 'g1', width: 2, escape: '$)C' },
  { id: '58', label: 'gbk', half: 'g1', width: 2, escape: '$)A' },
  { id: '192', label: 'utf-8', half: 'all', width: 0 },
  { id: 'GB18030', label: 'gb18030', half: 'all', width: 0 },
  { id: 'GBK', label: 'gbk', half: 'all', width: 0 },
];

const BY_ID: ReadonlyMap<string, CharacterSet> = new Map(CHARACTER_SETS.map((set) => [set.id, set]));
const BY_ESCAPE: ReadonlyMap<string, CharacterSet> = new Map(CHARACTER_SETS.flatMap((set) => (set.escape ? [[set.escape, set]] : [])));

/** `ISO_IR 100`, `ISO 2022 IR 100` and what is met in the field: `ISO-IR 100`, `ISO IR100`, `iso_ir_100`. */
const ISO_TERM = /^ISO[ _-]*(?:2022[ _-]*)?IR[ _-]*(\d+)$/i;
const UTF8_TERM = /^(?:UTF[ _-]?8|UNICODE)$/i;

/** The character set of one value of Specific Character Set (0008,0005); undefined for a term that is not known. */
export function characterSetOf(term: string): CharacterSet | undefined {
  const trimmed = term.trim();
  if (trimmed === '') return BY_ID.get('6');
  if (UTF8_TERM.test(trimmed)) return BY_ID.get('192');
  return BY_ID.get(ISO_TERM.exec(trimmed)?.[1] ?? trimmed.toUpperCase());
}

/** The character set that an escape sequence designates, and the sequence's length without ESC. */
export function characterSetOfEscape(bytes: Uint8Array, at: number): CharacterSet | undefined {
  const text = String.fromCharCode(...bytes.subarray(at, at + 3));
  return BY_ESCAPE.get(text) ?? BY_ESCAPE.get(text.slice(0, 2));
}

/** The character set with this id of the table. */
export function characterSetById(id: string): CharacterSet {
  return BY_ID.get(id)!;
}
