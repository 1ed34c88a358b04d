import type { DicomJson } from '@cairn/core';
import { dateNumber } from './temporal.ts';
import { firstText } from './values.ts';

/** Numbers of a place: 2²² days, of which the greatest stands for no date, times 2²⁴ places a day. */
const SLOTS = 2 ** 24;
const LAST_DAY = 2 ** 22 - 1;

/** The first place of a day (yyyymmdd), undated by default. Places grow from the newest day to the oldest, undated ones last. */
export function dayPlace(date?: number): number {
  if (date === undefined) return LAST_DAY * SLOTS;
  const year = Math.floor(date / 10_000);
  const day = year * 372 + ((Math.floor(date / 100) % 100) - 1) * 31 + ((date % 100) - 1);
  return (LAST_DAY - 1 - day) * SLOTS;
}

/**
 * Where a study stands in the order of studies: a number under 2⁵³ made of its date and a hash of its UID.
 * @param attempt - the n-th try, when an earlier place of the same day is taken
 */
export function studyPlace(attributes: DicomJson, studyInstanceUid: string, attempt = 0): number {
  return dayPlace(dateNumber(firstText(attributes, '00080020'))) + ((hashOf(studyInstanceUid) + attempt) % SLOTS);
}

/** The places of a day: from {@link dayPlace} up to this one, exclusive. */
export function dayPlaceEnd(date?: number): number {
  return dayPlace(date) + SLOTS;
}

/** FNV-1a over code units. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  return hash % SLOTS;
}
