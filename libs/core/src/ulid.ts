import { randomFillSync } from 'node:crypto';

/** Crockford's base 32: no I, L, O, U; sorts as its value does. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** Makes ULIDs: 48 bits of milliseconds, 80 random bits, strictly growing within one factory (one a process). */
export class UlidFactory {
  readonly #now: () => number;
  readonly #random = new Uint8Array(16);
  #lastTimeMs = 0;

  /** @param now - milliseconds since 1970, injected for tests */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** A ULID greater than every one before it, also when the clock steps back. */
  next(): string {
    const timeMs = Math.max(this.#now(), this.#lastTimeMs);
    if (timeMs > this.#lastTimeMs) {
      this.#lastTimeMs = timeMs;
      randomFillSync(this.#random);
      // Room to count up within the millisecond without overflow.
      this.#random[0]! &= 0x0f;
    } else this.#increment();
    return encodeTime(timeMs) + Array.from(this.#random, (value) => ALPHABET[value & 31]).join('');
  }

  /** From now on only ULIDs greater than `ulid` are given: journal facts must sort after the receipts that they name. */
  advancePast(ulid: string): void {
    const timeMs = ulidTimeMs(ulid);
    if (timeMs < this.#lastTimeMs) return;
    this.#lastTimeMs = timeMs + 1;
    randomFillSync(this.#random);
    this.#random[0]! &= 0x0f;
  }

  #increment(): void {
    for (let index = 15; index >= 0; index--) {
      const value = (this.#random[index]! & 31) + 1;
      this.#random[index] = value & 31;
      if (value < 32) return;
    }
  }
}

/** True for 26 characters of Crockford's base 32 that hold a 128-bit value. */
export function isUlid(text: string): boolean {
  return ULID.test(text);
}

/** The milliseconds since 1970 in a ULID. */
export function ulidTimeMs(ulid: string): number {
  let timeMs = 0;
  for (let index = 0; index < 10; index++) timeMs = timeMs * 32 + ALPHABET.indexOf(ulid[index]!);
  return timeMs;
}

/** The ULID's UTC hour as `yyyymmddhh`, the folder of landing and journal keys. */
export function ulidHour(ulid: string): string {
  return hourOf(ulidTimeMs(ulid));
}

/** A time's UTC hour as `yyyymmddhh`. */
export function hourOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 13).replaceAll(/[-T]/g, '');
}

function encodeTime(timeMs: number): string {
  let text = '';
  for (let rest = timeMs, index = 0; index < 10; index++, rest = Math.floor(rest / 32)) text = ALPHABET[rest % 32]! + text;
  return text;
}
