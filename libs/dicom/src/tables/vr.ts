/** How values of a representation are coded; decides how bytes become JSON and how they are swapped. */
export type VrKind =
  /** Text in the specific character set, several values. */
  | 'text'
  /** Text in the specific character set, one value in which a backslash is text. */
  | 'longText'
  | 'personName'
  /** Text in the default repertoire, several values. */
  | 'code'
  /** Decimal or integer in text. */
  | 'decimal'
  | 'integer'
  | 'uid'
  | 'number'
  | 'tag'
  | 'sequence'
  | 'bytes';

/** One row of the table of value representations. */
export interface VrRule {
  vr: string;
  kind: VrKind;
  /** Bytes that are swapped together between little and big endian. */
  wordSize: number;
  /** Explicit VR header with a 32-bit length (PS3.5 §7.1.2). */
  longLength: boolean;
  /** The byte that makes a value's length even. */
  padding: number;
}

const SPACE = 0x20;
const NUL = 0;

/** PS3.5 §6.2: [VR, kind, word size, 32-bit length, padding]. */
const ROWS: readonly (readonly [string, VrKind, number, boolean, number])[] = [
  ['AE', 'code', 1, false, SPACE],
  ['AS', 'code', 1, false, SPACE],
  ['AT', 'tag', 2, false, NUL],
  ['CS', 'code', 1, false, SPACE],
  ['DA', 'code', 1, false, SPACE],
  ['DS', 'decimal', 1, false, SPACE],
  ['DT', 'code', 1, false, SPACE],
  ['FD', 'number', 8, false, NUL],
  ['FL', 'number', 4, false, NUL],
  ['IS', 'integer', 1, false, SPACE],
  ['LO', 'text', 1, false, SPACE],
  ['LT', 'longText', 1, false, SPACE],
  ['OB', 'bytes', 1, true, NUL],
  ['OD', 'bytes', 8, true, NUL],
  ['OF', 'bytes', 4, true, NUL],
  ['OL', 'bytes', 4, true, NUL],
  ['OV', 'bytes', 8, true, NUL],
  ['OW', 'bytes', 2, true, NUL],
  ['PN', 'personName', 1, false, SPACE],
  ['SH', 'text', 1, false, SPACE],
  ['SL', 'number', 4, false, NUL],
  ['SQ', 'sequence', 1, true, NUL],
  ['SS', 'number', 2, false, NUL],
  ['ST', 'longText', 1, false, SPACE],
  ['SV', 'number', 8, true, NUL],
  ['TM', 'code', 1, false, SPACE],
  ['UC', 'text', 1, true, SPACE],
  ['UI', 'uid', 1, false, NUL],
  ['UL', 'number', 4, false, NUL],
  ['UN', 'bytes', 1, true, NUL],
  ['UR', 'longText', 1, true, SPACE],
  ['US', 'number', 2, false, NUL],
  ['UT', 'longText', 1, true, SPACE],
  ['UV', 'number', 8, true, NUL],
];

const RULES: ReadonlyMap<string, VrRule> = new Map(
  ROWS.map(([vr, kind, wordSize, longLength, padding]) => [vr, { vr, kind, wordSize, longLength, padding }]),
);

const BY_CODE: ReadonlyMap<number, VrRule> = new Map([...RULES.values()].map((rule) => [codeOf(rule.vr), rule]));

const UNKNOWN: VrRule = { vr: 'UN', kind: 'bytes', wordSize: 1, longLength: true, padding: NUL };

/** The rule of a VR; that of UN for one which is not in the standard. */
export function vrRule(vr: string): VrRule {
  return RULES.get(vr) ?? UNKNOWN;
}

/** The rule for the two bytes of an explicit VR (first byte × 256 + second), undefined for a VR that is not in the standard. */
export function vrRuleOfCode(code: number): VrRule | undefined {
  return BY_CODE.get(code);
}

function codeOf(vr: string): number {
  return (vr.charCodeAt(0) << 8) | vr.charCodeAt(1);
}
