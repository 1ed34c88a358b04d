import { CairnError } from '@cairn/core';
import { dateNumber, dateTimeNumber, timeNumber } from '@cairn/metadata-store';

/** Bounds of a range, both inclusive; an open end is undefined. */
export interface NumberRange {
  from?: number;
  to?: number;
}

/** A date, time or date-time by its first and last moment, as the store's numbers. */
interface Moment {
  first: number;
  last: number;
}

const DATE_TIME_PARTS = /^(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\.\d{1,6})?((?:\+(?:0\d|1[0-4])|-(?:0\d|1[0-2]))[0-5]\d)?$/;
const TIME_PARTS = /^(\d{2}):?(\d{2})?:?(\d{2})?(\.\d{1,6})?$/;

const MOMENT_OF_VR: Readonly<Record<'DA' | 'TM' | 'DT', (text: string) => Moment | undefined>> = {
  DA: dateMoment,
  TM: timeMoment,
  DT: dateTimeMoment,
};

/** The error for a value that its VR does not allow; names the attribute, never the value. */
export function invalidValue(tag: string, message: string): CairnError {
  return new CairnError('query.invalid-value', message, { details: { attribute: tag } });
}

/**
 * Reads `a`, `a-b`, `a-` or `-b` (PS3.4 §C.2.2.2.5). A value of less precision stands for all moments in it. Throws
 * `query.invalid-value`.
 */
export function parseRange(tag: string, vr: 'DA' | 'TM' | 'DT', value: string): NumberRange {
  const momentOf = MOMENT_OF_VR[vr];
  const single = momentOf(value);
  if (single !== undefined) return { from: single.first, to: single.last };
  // A hyphen of a DT may begin an offset from UTC: the one that leaves two readable ends is the range's.
  for (let hyphen = value.indexOf('-'); hyphen >= 0; hyphen = value.indexOf('-', hyphen + 1)) {
    const range = rangeOf(momentOf, value.slice(0, hyphen).trim(), value.slice(hyphen + 1).trim());
    if (range === undefined) continue;
    if (range.from !== undefined && range.to !== undefined && range.from > range.to && vr !== 'TM') break;
    return range;
  }
  throw invalidValue(tag, `The value of ${tag} is no ${vr} and no range of it.`);
}

/** A number of IS, DS or a binary VR; throws `query.invalid-value`. */
export function parseNumber(tag: string, value: string): number {
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number) || !/^[-+.\deE\s]+$/.test(value)) {
    throw invalidValue(tag, `The value of ${tag} is no number.`);
  }
  return number;
}

function rangeOf(momentOf: (text: string) => Moment | undefined, from: string, to: string): NumberRange | undefined {
  const first = from === '' ? undefined : momentOf(from);
  const last = to === '' ? undefined : momentOf(to);
  const readable = (from === '' || first !== undefined) && (to === '' || last !== undefined) && from + to !== '';
  if (!readable) return undefined;
  return { ...(first && { from: first.first }), ...(last && { to: last.last }) };
}

function dateMoment(text: string): Moment | undefined {
  const date = dateNumber(text);
  return date === undefined ? undefined : { first: date, last: date };
}

function timeMoment(text: string): Moment | undefined {
  const first = timeNumber(text);
  if (first === undefined) return undefined;
  const [, , minute, second, fraction] = TIME_PARTS.exec(text.trim()) ?? [];
  if (minute === undefined) return { first, last: first + 5959.999999 };
  if (second === undefined) return { first, last: first + 59.999999 };
  return { first, last: fraction === undefined ? first + 0.999999 : first };
}

function dateTimeMoment(text: string): Moment | undefined {
  const match = DATE_TIME_PARTS.exec(text.trim());
  const first = match === null ? undefined : dateTimeNumber(text);
  if (match === null || first === undefined) return undefined;
  const [, year, month = '12', day, hour = '23', minute = '59', second = '59', fraction = '.999999', offset = ''] = match;
  const lastDay = day ?? String(new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate());
  return { first, last: dateTimeNumber(`${year}${month}${lastDay}${hour}${minute}${second}${fraction}${offset}`)! };
}
