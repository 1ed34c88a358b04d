/** What follows the text of a boundary: the next part, the end, ordinary data, or too few bytes to tell. */
export type DelimiterKind = 'part' | 'end' | 'data' | 'unknown';

/** A found delimiter line. */
export interface Delimiter {
  kind: DelimiterKind;
  /** First byte of the delimiter, its line break included. */
  start: number;
  /** First byte after it (of the next part's headers). */
  end: number;
}

/** Length of dashes, blanks (RFC 2046 transport padding) and line break after a boundary; more than anyone sends. */
const MAX_LINE_REST = 68;

const CR = 0x0d;
const LF = 0x0a;

/** Finds the delimiter lines of one body: `CRLF "--" boundary ["--"] *blank CRLF`; bodies written with bare LF throughout work too. */
export class DelimiterFinder {
  readonly #dashes: Buffer;
  #delimiter: Buffer;
  #usesCrLf = true;

  constructor(boundary: string) {
    this.#dashes = Buffer.from(`--${boundary}`, 'latin1');
    this.#delimiter = Buffer.concat([Buffer.from('\r\n'), this.#dashes]);
  }

  /** The first boundary: at the very start or at the start of a line; decides which line break the body uses. */
  findFirst(bytes: Buffer, atEnd: boolean): Delimiter | undefined {
    for (let at = bytes.indexOf(this.#dashes); at >= 0; at = bytes.indexOf(this.#dashes, at + 1)) {
      if (at > 0 && bytes[at - 1] !== LF) continue;
      const found = classify(bytes, at, at + this.#dashes.length, atEnd);
      if (found.kind === 'data') continue;
      this.#usesCrLf = found.kind !== 'part' || bytes[found.end - 2] === CR;
      if (!this.#usesCrLf) this.#delimiter = Buffer.concat([Buffer.from('\n'), this.#dashes]);
      return found;
    }
    return undefined;
  }

  /** The next delimiter line, whole or possibly begun at the end of the bytes; undefined when all bytes are data. */
  find(bytes: Buffer, atEnd: boolean): Delimiter | undefined {
    for (let at = bytes.indexOf(this.#delimiter); at >= 0; at = bytes.indexOf(this.#delimiter, at + 1)) {
      const found = classify(bytes, at, at + this.#delimiter.length, atEnd);
      // Where lines end with CRLF, a boundary before a bare LF is part of the data.
      const isOther = found.kind === 'part' && this.#usesCrLf && bytes[found.end - 2] !== CR;
      if (found.kind !== 'data' && !isOther) return found;
    }
    const start = atEnd ? bytes.length : this.#begunAt(bytes);
    return start < bytes.length ? { kind: 'unknown', start, end: bytes.length } : undefined;
  }

  /** Where a delimiter begins that the end of the bytes cuts off. */
  #begunAt(bytes: Buffer): number {
    const first = this.#delimiter[0]!;
    const from = Math.max(0, bytes.length - this.#delimiter.length + 1);
    for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
      if (bytes.compare(this.#delimiter, 0, bytes.length - at, at) === 0) return at;
    }
    return bytes.length;
  }
}

/** Rest of a delimiter line, whole and cut off by the end of the bytes. */
const LINE_REST = /^(--)?[ \t]*\r?\n/;
const LINE_REST_BEGUN = /^(?:-|(--)?[ \t]*\r?)$/;

/** Tells what the text after a boundary makes of it. */
function classify(bytes: Buffer, start: number, afterBoundary: number, atEnd: boolean): Delimiter {
  const rest = bytes.toString('latin1', afterBoundary, afterBoundary + MAX_LINE_REST);
  const whole = LINE_REST.exec(rest);
  if (whole !== null) return { kind: whole[1] === undefined ? 'part' : 'end', start, end: afterBoundary + whole[0].length };
  const begun = rest.length < MAX_LINE_REST ? LINE_REST_BEGUN.exec(rest) : null;
  if (begun === null) return { kind: 'data', start, end: afterBoundary };
  if (!atEnd) return { kind: 'unknown', start, end: bytes.length };
  return { kind: begun[1] === undefined ? 'data' : 'end', start, end: bytes.length };
}
