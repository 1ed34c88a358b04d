import { TextDecoder } from 'node:util';
import { characterSetById, characterSetOf } from './charsets.ts';
import type { CharacterSet } from './charsets.ts';

const ESC = 0x1b;

/** Characters after which ISO 2022 designations are those of the start again, whatever the VR (PS3.5 §6.1.2.5.3). */
const DELIMITERS: ReadonlySet<string> = new Set(['\\', '^', '=', '\t', '\n', '\f', '\r']);

const tables = new Map<string, ReadonlyMap<string, Buffer>>();

/**
 * Turns text into bytes of a Specific Character Set (PS3.3 C.12.1.1.2); undefined when one of its characters is not in it (the
 * caller then writes the whole data set in `ISO_IR 192`) or a term is not known.
 *
 * @param charsets - the values of (0008,0005), empty for the default repertoire
 */
export function encodeText(text: string, charsets: readonly string[]): Buffer | undefined {
  if (/^[\x20-\x7e\n\r\f\t]*$/.test(text)) return Buffer.from(text, 'latin1');
  const sets = charsets.map(characterSetOf);
  const first = sets[0];
  if (sets.includes(undefined)) return undefined;
  if (first?.id === '192') return Buffer.from(text, 'utf8');
  if (first?.half === 'all') return encodeWith(text, first);
  return encodeExtended(
    text,
    sets.filter((set) => set !== undefined),
  );
}

function encodeWith(text: string, set: CharacterSet): Buffer | undefined {
  const parts = Array.from(text, (character) => bytesOf(character, set));
  return parts.includes(undefined) ? undefined : Buffer.concat(parts.filter((part) => part !== undefined));
}

/** Switches between the declared sets by escape sequences, and back before each delimiter and at the end. */
function encodeExtended(text: string, sets: readonly CharacterSet[]): Buffer | undefined {
  const lower = characterSetById(sets[0]?.id === '13' ? '14' : '6');
  const upper = sets[0]?.half === 'g1' ? sets[0] : undefined;
  const current = { g0: lower, g1: upper };
  const parts: Buffer[] = [];
  const designate = (set: CharacterSet): void => {
    if (current[set.half === 'g0' ? 'g0' : 'g1'] === set) return;
    current[set.half === 'g0' ? 'g0' : 'g1'] = set;
    parts.push(Buffer.from([ESC, ...Buffer.from(set.escape!)]));
  };
  for (const character of text) {
    if (DELIMITERS.has(character) || character.codePointAt(0)! < 0x80) {
      designate(lower);
      parts.push(Buffer.from(character));
      if (DELIMITERS.has(character)) current.g1 = upper;
      continue;
    }
    const set = sets.find((candidate) => bytesOf(character, candidate) !== undefined);
    if (!set) return undefined;
    designate(set);
    parts.push(bytesOf(character, set)!);
  }
  designate(lower);
  return Buffer.concat(parts);
}

function bytesOf(character: string, set: CharacterSet): Buffer | undefined {
  if (character.codePointAt(0)! < 0x80) return set.half === 'g1' ? undefined : Buffer.from(character);
  // What does not decode is in the table as U+FFFD.
  return character === '\ufffd' ? undefined : tableOf(set).get(character);
}

/** The set's characters beyond ASCII → its bytes, made once by decoding all of them. */
function tableOf(set: CharacterSet): ReadonlyMap<string, Buffer> {
  let table = tables.get(set.id);
  if (!table) {
    const decoder = new TextDecoder(set.label);
    table = new Map(allCodes(set).map(([bytes, encoded]) => [decoder.decode(encoded), bytes]));
    tables.set(set.id, table);
  }
  return table;
}

/** Every code of a set: the bytes that stand in the value, and the same for the decoder of its label. */
function allCodes(set: CharacterSet): [bytes: Buffer, encoded: Buffer][] {
  if (set.id === '13') return range(0xa1, 0xdf).map((byte) => same(byte));
  if (set.width === 1) return set.half === 'g1' ? range(0xa0, 0xff).map((byte) => same(byte)) : [];
  if (set.width === 0) return range(0x81, 0xfe).flatMap((lead) => range(0x40, 0xfe).map((trail) => same(lead, trail)));
  const prefix = set.id === '159' ? [0x8f] : [];
  return range(0x21, 0x7e).flatMap((lead) =>
    range(0x21, 0x7e).map((trail): [Buffer, Buffer] => {
      const high = [lead | 0x80, trail | 0x80];
      return [Buffer.from(set.half === 'g0' ? [lead, trail] : high), Buffer.from([...prefix, ...high])];
    }),
  );
}

function same(...bytes: number[]): [Buffer, Buffer] {
  const buffer = Buffer.from(bytes);
  return [buffer, buffer];
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
