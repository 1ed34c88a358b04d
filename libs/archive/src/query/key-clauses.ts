import { CairnError } from '@cairn/core';
import { findAttribute, isPrivate, isToleratedUid, vrOf } from '@cairn/dicom';
import type { AttributePath, QueryClause, QueryLevel } from '@cairn/metadata-store';
import type { AttributeQuery, QueryKey } from './attribute-query.ts';
import { invalidValue, parseNumber, parseRange } from './matching-values.ts';
import type { NumberRange } from './matching-values.ts';

/** A date attribute and the time that refines it, by tag (PS3.4 §C.2.2.2.5). */
const TIME_OF_DATE: Readonly<Record<string, string>> = {
  '00080020': '00080030',
  '00080021': '00080031',
  '00080022': '00080032',
  '00080023': '00080033',
  '00100030': '00100032',
  '00400244': '00400245',
  '00400250': '00400251',
};

/** Computed or added on the way out: nothing to match them with. */
const NOT_MATCHED = new Set('00080005 00080052 00080054 00080056 00081190 00083002 00201200 00201202 00201204'.split(' '));

const MOST_PATTERNS = 100;

/** A key with a value that restricts. */
interface RestrictingKey {
  path: AttributePath;
  tag: string;
  vr: string;
  value: string;
  fuzzy: boolean;
}

type ClauseMaker = (key: RestrictingKey) => QueryClause | undefined;

/** How the values of a VR are matched. Text is matched without regard to case and diacritics, as clients expect. */
const CLAUSE_OF_VR: Readonly<Record<string, ClauseMaker>> = {
  ...each('AE LO SH UC UN', ({ path, vr, value }) => textClause(path, vr, value.split('\\'))),
  // A code string has no comma, so a list by comma is understood as well.
  ...each('CS', ({ path, vr, value }) => textClause(path, vr, value.split(/[\\,]/))),
  // A backslash is an ordinary character in these.
  ...each('LT ST UT UR', ({ path, vr, value }) => textClause(path, vr, [value])),
  ...each('AS AT', ({ path, vr, value }) => ({ kind: 'equals', path, vr, values: value.split('\\'), folded: true })),
  ...each('PN', ({ path, value, fuzzy }) => nameClause(path, value.split('\\'), fuzzy)),
  ...each('UI', uidClause),
  DA: ({ path, tag, value }) => ({ kind: 'range', path, vr: 'DA', ...parseRange(tag, 'DA', value) }),
  TM: ({ path, tag, value }) => ({ kind: 'range', path, vr: 'TM', ...parseRange(tag, 'TM', value) }),
  DT: ({ path, tag, value }) => ({ kind: 'range', path, vr: 'DT', ...parseRange(tag, 'DT', value) }),
  ...each('IS DS US SS UL SL FL FD SV UV', numberClause),
  'US or SS': numberClause,
};

function each(vrs: string, maker: ClauseMaker): Readonly<Record<string, ClauseMaker>> {
  return Object.fromEntries(vrs.split(' ').map((vr) => [vr, maker]));
}

/**
 * Turns the keys of a query into a store's clauses; keys that match everything give none. Throws `query.invalid-value` and
 * `query.unknown-attribute` with the tag in `details.attribute`.
 */
export function clausesOf(query: AttributeQuery): readonly QueryClause[] {
  const clauses = query.keys.flatMap((key) => clauseOf(key, query) ?? []);
  return query.combineDateTime ? combineDateTimes(clauses) : clauses;
}

function clauseOf(key: QueryKey, query: AttributeQuery): QueryClause | undefined {
  const path = pathAt(query.level, key.path);
  const tag = path.at(-1)!;
  checkPath(key.path);
  const value = key.value.trim();
  if (query.emptyValueMatching === true && value === '""') return { kind: 'empty', path };
  if (isUniversal(value)) return undefined;
  const vr = key.vr ?? vrOf(tag);
  if (vr === 'SQ') throw invalidValue(tag, `${tag} is a sequence: only its items' attributes take values.`);
  const make = CLAUSE_OF_VR[vr];
  if (make === undefined || NOT_MATCHED.has(tag)) throw unknownAttribute(tag, `${tag} cannot be matched.`);
  return make({ path, tag, vr, value, fuzzy: query.fuzzy });
}

/** Universal matching (PS3.4 §C.2.2.2.3). */
function isUniversal(value: string): boolean {
  return /^\**$/.test(value);
}

/** Modality at study level is read as ModalitiesInStudy: many clients mean that. */
function pathAt(level: QueryLevel, path: AttributePath): AttributePath {
  return level === 'study' && path.length === 1 && path[0] === '00080060' ? ['00080061'] : path;
}

/** Every tag must be one of the dictionary or private, all but the last sequences. */
function checkPath(path: AttributePath): void {
  for (const [index, tag] of path.entries()) {
    if (isPrivate(Number.parseInt(tag, 16))) continue;
    const attribute = findAttribute(tag);
    if (attribute === undefined) throw unknownAttribute(tag, `There is no attribute ${tag}.`);
    if (index < path.length - 1 && attribute.vr !== 'SQ') throw unknownAttribute(tag, `${tag} is no sequence.`);
  }
}

function textClause(path: AttributePath, vr: string, values: readonly string[]): QueryClause | undefined {
  const wanted = trimmedValues(values);
  if (wanted === undefined) return undefined;
  if (wanted.some((value) => /[*?]/.test(value))) {
    checkPatterns(path, wanted);
    return { kind: 'wildcard', path, vr, patterns: wanted, folded: true };
  }
  return { kind: 'equals', path, vr, values: wanted, folded: true };
}

function nameClause(path: AttributePath, values: readonly string[], fuzzy: boolean): QueryClause | undefined {
  const patterns = trimmedValues(values);
  if (patterns !== undefined) checkPatterns(path, patterns);
  return patterns && { kind: 'personName', path, patterns, fuzzy };
}

/** Each row is compared with every pattern: their number has a bound. */
function checkPatterns(path: AttributePath, patterns: readonly string[]): void {
  if (patterns.length > MOST_PATTERNS) throw invalidValue(path.at(-1)!, `${path.at(-1)} has more than ${MOST_PATTERNS} patterns.`);
}

/** UIDs by backslash or comma (PS3.4 §C.2.2.2.2, PS3.18 §8.3.4.1). */
function uidClause({ path, tag, value }: RestrictingKey): QueryClause {
  const values = value
    .split(/[\\,]/)
    .map((uid) => uid.trim())
    .filter((uid) => uid !== '');
  if (values.length === 0 || !values.every(isToleratedUid)) throw invalidValue(tag, `The value of ${tag} is no list of UIDs.`);
  return { kind: 'equals', path, vr: 'UI', values: [...new Set(values)], folded: false };
}

function numberClause({ path, tag, value }: RestrictingKey): QueryClause {
  return { kind: 'number', path, values: value.split('\\').map((one) => parseNumber(tag, one)) };
}

/** Values without blanks around; undefined when one of them matches everything or none is left. */
function trimmedValues(values: readonly string[]): readonly string[] | undefined {
  const wanted = values.map((value) => value.trim()).filter((value) => value !== '');
  return wanted.length === 0 || wanted.some(isUniversal) ? undefined : wanted;
}

type RangeClause = Extract<QueryClause, { kind: 'range' }>;

/** Joins a date and its time, both given, into one range of instants. */
function combineDateTimes(clauses: readonly QueryClause[]): readonly QueryClause[] {
  const combined = new Set<QueryClause>();
  const joined = clauses.map((date) => {
    const time = date.kind === 'range' && date.vr === 'DA' ? timeClauseOf(date, clauses) : undefined;
    if (date.kind !== 'range' || time === undefined) return date;
    combined.add(time);
    return dateTimeClause(date, time);
  });
  return joined.filter((clause) => !combined.has(clause));
}

function timeClauseOf({ path }: RangeClause, clauses: readonly QueryClause[]): RangeClause | undefined {
  const time = TIME_OF_DATE[path.at(-1)!];
  const wanted = [...path.slice(0, -1), time].join('.');
  return clauses.find((clause) => clause.kind === 'range' && clause.vr === 'TM' && clause.path.join('.') === wanted) as
    RangeClause | undefined;
}

function dateTimeClause(date: RangeClause, time: RangeClause): QueryClause {
  return {
    kind: 'dateTimeRange',
    datePath: date.path,
    timePath: time.path,
    ...(date.from === undefined ? {} : { from: { date: date.from, time: startOf(time) } }),
    ...(date.to === undefined ? {} : { to: { date: date.to, time: endOf(time) } }),
  };
}

function startOf({ from = 0 }: NumberRange): number {
  return from;
}

function endOf({ to = 240_000 }: NumberRange): number {
  return to;
}

function unknownAttribute(tag: string, message: string): CairnError {
  return new CairnError('query.unknown-attribute', message, { details: { attribute: tag } });
}
