import type { DicomJson, DicomJsonElement } from '@cairn/core';
import { fold, foldName } from './fold.ts';
import type { AttributePath, QueryClause } from './query.ts';
import { dateNumber, dateTimeNumber, timeNumber } from './temporal.ts';
import { nameGroups, textValues } from './values.ts';
import { compileWildcard, hasWildcard } from './wildcard.ts';

/** Gives an element by its tag, from wherever the row's level keeps it. */
export type ElementSource = (tag: string) => DicomJsonElement | undefined;

/** A clause ready to be asked of many rows. */
export type Predicate = (source: ElementSource) => boolean;

const NUMBER_OF_VR = { DA: dateNumber, TM: timeNumber, DT: dateTimeNumber };

/** Prepares a clause: the one definition of what matches, whatever an engine's indexes find first. */
export function compileClause(clause: QueryClause): Predicate {
  switch (clause.kind) {
    case 'equals': {
      const normal = clause.folded ? fold : trimmed;
      const wanted = new Set(clause.values.map(normal));
      return (source) => textsAt(source, clause.path).some((text) => wanted.has(normal(text)));
    }
    case 'wildcard': {
      const normal = clause.folded ? fold : trimmed;
      const patterns = clause.patterns.map((pattern) => compileWildcard(normal(pattern)));
      return (source) => textsAt(source, clause.path).some((text) => patterns.some((fits) => fits(normal(text))));
    }
    case 'personName': {
      const patterns = clause.patterns.map((pattern) => compileName(pattern, clause.fuzzy));
      return (source) =>
        elementsAt(source, clause.path).some((element) => namesOf(element).some((name) => patterns.some((fits) => fits(name))));
    }
    case 'range': {
      const numberOf = NUMBER_OF_VR[clause.vr];
      return (source) => textsAt(source, clause.path).some((text) => within(numberOf(text), clause.from, clause.to));
    }
    case 'dateTimeRange':
      return compileDateTimeRange(clause);
    case 'number':
      return (source) => textsAt(source, clause.path).some((text) => text.trim() !== '' && clause.values.includes(Number(text)));
    case 'empty':
      return (source) => elementsAt(source, clause.path).every((element) => isEmpty(element));
  }
}

/** The words of a fuzzy name pattern, folded, without wildcards. */
export function fuzzyWords(pattern: string): readonly string[] {
  return fold(pattern)
    .split(/[\s^=,*?]+/)
    .filter((word) => word !== '');
}

/** Every element at a path; a sequence gives one for each of its items that has it. */
function elementsAt(source: ElementSource, [first, ...rest]: AttributePath): readonly DicomJsonElement[] {
  let elements = [source(first)].filter((element) => element !== undefined);
  for (const tag of rest) {
    const items = elements.flatMap(({ Value = [] }) => Value) as DicomJson[];
    elements = items.map((item) => item?.[tag]).filter((element) => element !== undefined);
  }
  return elements;
}

function textsAt(source: ElementSource, path: AttributePath): readonly string[] {
  return elementsAt(source, path).flatMap(textValues);
}

function isEmpty({ Value, BulkDataURI, InlineBinary }: DicomJsonElement): boolean {
  return (Value ?? []).every((value) => value === null) && !BulkDataURI && !InlineBinary;
}

/** Folded component groups of each value. */
function namesOf({ Value = [] }: DicomJsonElement): readonly (readonly string[])[] {
  return Value.map((value) => nameGroups(value).map(foldName)).filter((groups) => groups.some((group) => group !== ''));
}

function compileName(pattern: string, fuzzy: boolean): (groups: readonly string[]) => boolean {
  const plain = compileExactName(pattern);
  if (!fuzzy) return plain;
  const words = fuzzyWords(pattern);
  const byWords = (groups: readonly string[]): boolean => {
    const parts = groups.flatMap((group) => group.split(/[\s^]+/));
    return words.every((word) => parts.some((part) => part.startsWith(word)));
  };
  return hasWildcard(pattern) ? (groups) => byWords(groups) || plain(groups) : byWords;
}

/** A pattern with `=` is matched against all groups together, any other against each. */
function compileExactName(pattern: string): (groups: readonly string[]) => boolean {
  const fits = compileWildcard(pattern.split('=').map(foldName).join('='));
  if (pattern.includes('=')) return (groups) => fits(groups.join('='));
  // Names come without empty components at their end, but `DOE^*` asks for any given name, none included.
  return (groups) => groups.some((group) => group !== '' && (fits(group) || fits(`${group}^`)));
}

function compileDateTimeRange({ datePath, timePath, from, to }: Extract<QueryClause, { kind: 'dateTimeRange' }>): Predicate {
  const first = from ?? { date: -Infinity, time: -Infinity };
  const last = to ?? { date: Infinity, time: Infinity };
  return (source) => {
    const date = dateNumber(textsAt(source, datePath)[0] ?? '');
    if (!within(date, first.date, last.date)) return false;
    const time = timeNumber(textsAt(source, timePath)[0] ?? '');
    // Without a time the whole day may be meant.
    return time === undefined || ((date !== first.date || time >= first.time) && (date !== last.date || time <= last.time));
  };
}

function within(number: number | undefined, from = -Infinity, to = Infinity): boolean {
  return number !== undefined && number >= from && number <= to;
}

function trimmed(text: string): string {
  return text.trim();
}
