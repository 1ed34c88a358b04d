import { fold } from './fold.ts';
import { fuzzyWords } from './match.ts';
import { dayPlace, dayPlaceEnd } from './place.ts';
import type { QueryClause } from './query.ts';
import { foldedNamePattern } from './search-fields.ts';
import { literalsOf } from './wildcard.ts';

/** The tag of a clause on a single attribute outside sequences, of a kind whose value decides. */
export function tagOf(clause: QueryClause): string | undefined {
  if (clause.kind !== 'equals' && clause.kind !== 'wildcard' && clause.kind !== 'personName') return undefined;
  return clause.path.length === 1 ? clause.path[0] : undefined;
}

/** The places to which a clause on the study's date confines. */
export function placesOf(clause: QueryClause): { from: number; to: number } | undefined {
  if (clause.kind === 'range' && clause.path.length === 1 && clause.path[0] === '00080020') return placesBetween(clause.from, clause.to);
  if (clause.kind === 'dateTimeRange' && clause.datePath.length === 1 && clause.datePath[0] === '00080020') {
    return placesBetween(clause.from?.date, clause.to?.date);
  }
  return undefined;
}

/** Places run from new to old: the last day comes first. Undated studies never match a range. */
function placesBetween(from: number | undefined, to: number | undefined): { from: number; to: number } {
  return { from: to === undefined ? 0 : dayPlace(to), to: from === undefined ? dayPlace() : dayPlaceEnd(from) };
}

/** The literals that a match of each pattern contains; undefined for clauses without patterns. */
export function literalsByPattern(clause: QueryClause): (readonly string[])[] | undefined {
  if (clause.kind === 'wildcard') return clause.patterns.map((pattern) => literalsOf(fold(pattern)));
  if (clause.kind !== 'personName') return undefined;
  return clause.patterns.map((pattern) => (clause.fuzzy ? fuzzyWords(pattern) : literalsOf(foldedNamePattern(pattern))));
}
