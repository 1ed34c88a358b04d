import type { SQLInputValue } from 'node:sqlite';
import { literalsByPattern, placesOf, tagOf } from '../../clauses.ts';
import { fold } from '../../fold.ts';
import type { QueryClause, QueryPlan } from '../../query.ts';
import { SEARCH_FIELD_OF_TAG, TRIGRAM_LENGTH, foldedNamePattern, modalityToken, tokenOfShortLiteral } from '../../search-fields.ts';
import type { SearchField } from '../../search-fields.ts';
import { literalsOf } from '../../wildcard.ts';

/** A condition of SQL with its values. */
export interface Condition {
  sql: string;
  values: readonly SQLInputValue[];
}

/** How the studies that can match are found. Every kind gives a superset in the order of places; predicates decide. */
export type StudySource =
  | { kind: 'index'; index: string }
  /** Row ids that a condition lists. */
  | { kind: 'ids' }
  /** An expression of the text index. */
  | { kind: 'text'; match: string }
  /** Studies with one of the tokens. */
  | { kind: 'tokens'; tokens: readonly string[] };

/** What the database can do for a plan before the predicates look at a row. */
export interface Narrowing {
  source: StudySource;
  /** Places between which (inclusive, exclusive) the studies lie. */
  from: number;
  to: number;
  /** Conditions on the columns of `studies`. */
  conditions: readonly Condition[];
  /** Clauses that the conditions do not fully decide. */
  open: readonly QueryClause[];
}

const COLUMN_OF_FIELD: Readonly<Record<SearchField, string>> = {
  patientName: 'patient_name',
  patientId: 'patient_id',
  accessionNumber: 'accession_number',
  studyDescription: 'study_description',
  referringPhysicianName: 'referring_physician_name',
};

/** Indexes on a folded column: equal values are found there. */
const INDEX_OF_FIELD: Readonly<Partial<Record<SearchField, string>>> = {
  patientId: 'studies_patient_id',
  accessionNumber: 'studies_accession_number',
};

/** Conditions on studies by UIDs, around the condition on the UID itself. */
const UID_CONDITION: Readonly<Record<string, (uids: readonly string[]) => Condition>> = {
  '0020000D': (uids) => oneOf('studies.study_uid', uids),
  '0020000E': (uids) => within('studies.id IN (SELECT study FROM series WHERE ', oneOf('series_uid', uids)),
  '00080018': (uids) =>
    within(
      'studies.id IN (SELECT series.study FROM instances JOIN series ON series.id = instances.series WHERE ',
      oneOf('instances.sop_uid', uids),
    ),
};

/** Trigrams of one pattern: more of them make no smaller a superset worth its time. */
const MOST_TRIGRAMS = 16;
/** Patterns or tokens that an index is asked for; more are left to the walk, because statements have limits. */
const MOST_ALTERNATIVES = 50;

/** Sources from the most to the least selective; the walk over all studies comes last. */
const ORDER: readonly string[] = ['studies_uid', 'ids', 'studies_patient_id', 'studies_accession_number', 'text', 'tokens'];

/** The walk over all studies. */
export const ALL_STUDIES: StudySource = { kind: 'index', index: 'studies_place' };

/** Finds the narrowest source and the conditions for a plan at study level or below. */
export function narrow(plan: QueryPlan): Narrowing {
  const sources: StudySource[] = [];
  const conditions: Condition[] = [];
  const open: QueryClause[] = [];
  let [from, to] = [0, Number.MAX_SAFE_INTEGER];
  for (const clause of plan.clauses) {
    const places = placesOf(clause);
    if (places !== undefined) {
      from = Math.max(from, places.from);
      to = Math.min(to, places.to);
    }
    const condition = conditionOf(clause);
    if (condition !== undefined) conditions.push(condition);
    const source = sourceOf(clause, plan);
    if (source !== undefined) sources.push(source);
    if (!isDecided(clause)) open.push(clause);
  }
  return { source: narrowest(sources), from, to, conditions, open };
}

/** The most selective source; several of the text index are asked together. */
function narrowest(sources: readonly StudySource[]): StudySource {
  const [best] = sources.toSorted((a, b) => rankOf(a) - rankOf(b));
  if (best?.kind !== 'text') return best ?? ALL_STUDIES;
  const matches = sources.flatMap((source) => (source.kind === 'text' ? [`(${source.match})`] : []));
  return { kind: 'text', match: matches.join(' AND ') };
}

/** Names that begin with a literal. */
export interface NamePrefix {
  /** Bounds of the names whose first component group does (inclusive, exclusive). */
  from: string;
  to: string;
  /** Expression of the text index for names of which another group does. */
  others: string;
}

/** What the database can do for a plan at patient level; predicates decide. */
export function patientConditions({ clauses }: QueryPlan): { conditions: readonly Condition[]; byId: boolean; prefix?: NamePrefix } {
  const names = clauses.filter((clause) => tagOf(clause) === '00100010');
  const ids = clauses.filter((clause) => tagOf(clause) === '00100020');
  const conditions = [...names.map((clause) => textCondition(clause, 'name')), ...ids.map((clause) => textCondition(clause, 'patient_id'))];
  const prefix = names.map(prefixOf).find((found) => found !== undefined);
  return {
    conditions: conditions.filter((condition) => condition !== undefined),
    byId: ids.some(({ kind }) => kind === 'equals'),
    ...(prefix && { prefix }),
  };
}

/** The prefix that a clause with a single pattern asks of a component group. */
function prefixOf(clause: QueryClause): NamePrefix | undefined {
  if (clause.kind !== 'personName' || clause.fuzzy || clause.patterns.length > 1) return undefined;
  const pattern = clause.patterns[0]!;
  const [prefix] = literalsOf(foldedNamePattern(pattern));
  const others = prefix === undefined ? undefined : textMatch([`=${prefix}`], 'patientName');
  if (prefix === undefined || others === undefined || /^[*?]|=/.test(pattern)) return undefined;
  return { from: prefix, to: `${prefix}\u{10ffff}`, others };
}

/** A condition that a column has one of the values; true when none are given. Any number of values fits. */
export function oneOf(column: string, values: readonly string[] | undefined): Condition {
  if (values === undefined) return { sql: 'true', values: [] };
  if (values.length === 1) return { sql: `${column} = ?`, values };
  return { sql: `${column} IN (SELECT value FROM json_each(?))`, values: [JSON.stringify(values)] };
}

function within(opening: string, { sql, values }: Condition): Condition {
  return { sql: `${opening}${sql})`, values };
}

function conditionOf(clause: QueryClause): Condition | undefined {
  const tag = tagOf(clause);
  if (tag === undefined) return undefined;
  if (clause.kind === 'equals') {
    const uid = UID_CONDITION[tag];
    if (uid !== undefined) return uid(clause.values);
    if (tag === '00080061') return tokenCondition(clause.values.map(modalityToken));
  }
  const field = SEARCH_FIELD_OF_TAG[tag];
  return field === undefined ? undefined : textCondition(clause, `studies.${COLUMN_OF_FIELD[field]}`);
}

function tokenCondition(tokens: readonly string[]): Condition {
  const token = oneOf('tokens.token', tokens);
  const own = 'tokens.tenant_id = studies.tenant_id AND tokens.place = studies.place';
  return { sql: `EXISTS (SELECT 1 FROM study_tokens AS tokens WHERE ${own} AND ${token.sql})`, values: token.values };
}

function textCondition(clause: QueryClause, column: string): Condition | undefined {
  if (clause.kind === 'equals') {
    return oneOf(column, clause.values.map(fold));
  }
  const literals = literalsByPattern(clause)?.map((each) => each.toSorted((a, b) => b.length - a.length)[0]);
  if (literals === undefined || literals.length > MOST_ALTERNATIVES || literals.includes(undefined)) return undefined;
  return { sql: `(${literals.map(() => `instr(${column}, ?) > 0`).join(' OR ')})`, values: literals as string[] };
}

function sourceOf(clause: QueryClause, plan: QueryPlan): StudySource | undefined {
  const tag = tagOf(clause);
  if (tag === undefined) return undefined;
  if (clause.kind === 'equals') {
    if (tag === '0020000D') return { kind: 'index', index: 'studies_uid' };
    if (tag === '0020000E' || tag === '00080018') return { kind: 'ids' };
    if (tag === '00080061' || (tag === '00080060' && plan.level !== 'study'))
      return { kind: 'tokens', tokens: clause.values.map(modalityToken) };
    const index = INDEX_OF_FIELD[SEARCH_FIELD_OF_TAG[tag] ?? 'patientName'];
    if (index !== undefined) return { kind: 'index', index };
  }
  const field = SEARCH_FIELD_OF_TAG[tag];
  return field === undefined ? undefined : textSource(clause, field);
}

function textSource(clause: QueryClause, field: SearchField): StudySource | undefined {
  const patterns = clause.kind === 'equals' ? clause.values.map((value) => [fold(value)]) : literalsByPattern(clause);
  if (patterns === undefined || patterns.length > MOST_ALTERNATIVES) return undefined;
  const matches = patterns.map((literals) => textMatch(literals, field));
  if (matches.every((match) => match !== undefined)) return { kind: 'text', match: matches.map((match) => `(${match})`).join(' OR ') };
  if (field !== 'patientName') return undefined;
  const tokens = patterns.map((literals) => literals.map(tokenOfShortLiteral).find((token) => token !== undefined));
  return tokens.every((token) => token !== undefined) ? tokenSource(tokens) : undefined;
}

function tokenSource(tokens: readonly string[]): StudySource | undefined {
  return tokens.length > MOST_ALTERNATIVES ? undefined : { kind: 'tokens', tokens };
}

/** An FTS5 expression that finds every text with the literals; undefined when all are too short. */
function textMatch(literals: readonly string[], field: SearchField): string | undefined {
  const all = literals.slice(0, MOST_TRIGRAMS).flatMap(trigramsOf);
  // An expression ends at a NUL.
  const trigrams = new Set(all.filter((trigram) => !trigram.includes('\0')).slice(0, MOST_TRIGRAMS));
  if (trigrams.size === 0) return undefined;
  return [...trigrams].map((trigram) => `${field} : "${trigram.replaceAll('"', '""')}"`).join(' AND ');
}

/** Trigrams side by side, and the last one: those between find hardly less and cost as much. */
function trigramsOf(literal: string): readonly string[] {
  const characters = Array.from(literal);
  const last = characters.length - TRIGRAM_LENGTH;
  const trigrams: string[] = [];
  for (let start = 0; start < last; start += TRIGRAM_LENGTH) trigrams.push(characters.slice(start, start + TRIGRAM_LENGTH).join(''));
  return last < 0 ? [] : [...trigrams, characters.slice(last).join('')];
}

/** Clauses that conditions or places decide exactly. */
function isDecided(clause: QueryClause): boolean {
  if (clause.kind === 'range') return placesOf(clause) !== undefined;
  if (clause.kind !== 'equals') return false;
  const tag = tagOf(clause) ?? '';
  return tag in UID_CONDITION || (clause.folded && (tag === '00080050' || tag === '00100020'));
}

function rankOf(source: StudySource): number {
  return ORDER.indexOf(source.kind === 'index' ? source.index : source.kind);
}
