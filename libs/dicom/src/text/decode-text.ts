import { TextDecoder } from 'node:util';
import { characterSetById, characterSetOf, characterSetOfEscape } from './charsets.ts';
import type { CharacterSet } from './charsets.ts';

const ESC = 0x1b;
const ESCAPE = '\u001b';
const BACKSLASH = 0x5c;
const REPLACEMENT = '\ufffd';

/** Bytes at which ISO 2022 designations fall back to the first character set (PS3.5 §6.1.2.5.3): TAB LF FF CR, `\`, in names `^` and `=`. */
const LINE_DELIMITERS: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0c, 0x0d]);
const VALUE_DELIMITERS: ReadonlySet<number> = new Set([...LINE_DELIMITERS, BACKSLASH]);
const NAME_DELIMITERS: ReadonlySet<number> = new Set([...VALUE_DELIMITERS, 0x5e, 0x3d]);
const LONG_TEXT: ReadonlySet<string> = new Set(['LT', 'ST', 'UT', 'UR']);

const decoders = new Map<string, TextDecoder>();
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Turns the bytes of a text value into a string by Specific Character Set (PS3.3 C.12.1.1.2, PS3.5 §6.1). Never throws: bytes
 * that the character sets do not have become U+FFFD, so do NUL and stray escapes.
 *
 * @param charsets - the values of (0008,0005), empty for the default repertoire
 * @param vr - decides at which characters designations end
 */
export function decodeText(bytes: Uint8Array, charsets: readonly string[], vr: string): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isPlainAscii(buffer)) return buffer.toString('latin1');
  return decodeExtended(buffer, charsets, vr).replaceAll('\0', REPLACEMENT).replaceAll(ESCAPE, REPLACEMENT);
}

function isPlainAscii(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte >= 0x80 || byte === ESC || byte === 0) return false;
  }
  return true;
}

function decodeExtended(bytes: Buffer, charsets: readonly string[], vr: string): string {
  const sets = charsets.map(characterSetOf);
  const first = sets[0];
  if (first?.half === 'all') return decoder(first.label).decode(bytes);
  if (sets.every((set) => set === undefined || set.id === '6')) return decodeUndeclared(bytes);
  return new Iso2022Decoder(sets, delimitersOf(vr)).decode(bytes);
}

function delimitersOf(vr: string): ReadonlySet<number> {
  if (vr === 'PN') return NAME_DELIMITERS;
  return LONG_TEXT.has(vr) ? LINE_DELIMITERS : VALUE_DELIMITERS;
}

/** No character set is declared: UTF-8 where it is valid (it hardly is by chance), else only ASCII can be told. */
function decodeUndeclared(bytes: Buffer): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => (byte >= 0x80 || byte === ESC ? REPLACEMENT : String.fromCharCode(byte))).join('');
  }
}

/** Decodes with code extensions: two designated halves, switched by escape sequences (PS3.5 §6.1.2.5). */
class Iso2022Decoder {
  readonly #initialLower: CharacterSet;
  readonly #initialUpper: CharacterSet | undefined;
  readonly #delimiters: ReadonlySet<number>;
  #lower: CharacterSet;
  #upper: CharacterSet | undefined;

  constructor(sets: readonly (CharacterSet | undefined)[], delimiters: ReadonlySet<number>) {
    const first = sets[0];
    this.#initialLower = characterSetById(first?.id === '13' ? '14' : '6');
    // Without a first upper half, writers that leave the escape sequence out mean the only other set that has one.
    this.#initialUpper = first?.half === 'g1' ? first : sets.find((set) => set?.half === 'g1');
    this.#delimiters = delimiters;
    this.#lower = this.#initialLower;
    this.#upper = this.#initialUpper;
  }

  decode(bytes: Buffer): string {
    let text = '';
    let at = 0;
    while (at < bytes.length) {
      if (bytes[at] === ESC) {
        const set = characterSetOfEscape(bytes, at + 1);
        if (set) this.#designate(set);
        else text += REPLACEMENT;
        at += 1 + (set?.escape?.length ?? 0);
        continue;
      }
      const end = this.#runEnd(bytes, at);
      text += this.#decodeRun(bytes.subarray(at, end));
      at = end;
    }
    return text;
  }

  #designate(set: CharacterSet): void {
    if (set.half === 'g0') this.#lower = set;
    else this.#upper = set;
  }

  /** A run is one delimiter, or bytes of one half without delimiter or escape. */
  #runEnd(bytes: Buffer, start: number): number {
    const isUpper = bytes[start]! >= 0x80;
    if (!isUpper && this.#isDelimiter(bytes[start]!)) {
      this.#lower = this.#initialLower;
      this.#upper = this.#initialUpper;
      return start + 1;
    }
    let end = start;
    while (end < bytes.length) {
      const byte = bytes[end]!;
      if (byte >= 0x80 !== isUpper || byte === ESC || (!isUpper && this.#isDelimiter(byte))) break;
      end += 1;
    }
    return end;
  }

  /** In a two-byte lower half a byte that looks like a delimiter is half a character. */
  #isDelimiter(byte: number): boolean {
    return this.#delimiters.has(byte) && (this.#lower.width === 1 || byte < 0x20);
  }

  #decodeRun(run: Buffer): string {
    if (run[0]! >= 0x80) return this.#upper ? decoder(this.#upper.label).decode(run) : REPLACEMENT.repeat(run.length);
    if (this.#lower.width === 2 && run[0]! > 0x20) return decodeJis(run, this.#lower.id === '159');
    return run.toString('latin1');
  }
}

/** JIS X 0208 or 0212 pairs, through EUC-JP. Spaces between pairs are let through. */
function decodeJis(run: Buffer, isSupplement: boolean): string {
  const euc: number[] = [];
  for (let at = 0; at < run.length; at++) {
    if (run[at] === 0x20) {
      euc.push(0x20);
      continue;
    }
    if (isSupplement) euc.push(0x8f);
    euc.push(run[at]! | 0x80);
    if (at + 1 < run.length) euc.push(run[++at]! | 0x80);
  }
  return decoder('euc-jp').decode(Uint8Array.from(euc));
}

function decoder(label: string): TextDecoder {
  let known = decoders.get(label);
  if (!known) {
    known = new TextDecoder(label, { ignoreBOM: true });
    decoders.set(label, known);
  }
  return known;
}
