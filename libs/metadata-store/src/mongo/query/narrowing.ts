import { literalsByPattern, placesOf, tagOf } from '../../clauses.ts';
import { fold } from '../../fold.ts';
import type { QueryClause, QueryPlan } from '../../query.ts';
import { SEARCH_FIELD_OF_TAG, modalityToken, tokenOfShortLiteral } from '../../search-fields.ts';
import type { SearchField } from '../../search-fields.ts';
import { placeText } from '../keys.ts';
import { trigramTokens } from '../tokens.ts';
import type { TokenFrequencies } from './token-frequencies.ts';

/** The one index that finds the documents that can match: equal values of a field, or tokens. Predicates decide. */
export type Source =
  | { field: 'patientId' | 'accessionNumber'; values: readonly string[] }
  /** All tokens, the rarest first. */
  | { field: 'tokens'; all: readonly string[] }
  /** One of the tokens. */
  | { field: 'tokens'; any: readonly string[] }
  | { field: 'order' };

/** What the database can do for a plan before the predicates look at a document. */
export interface Narrowing {
  source: Source;
  /** Bounds of `order` (inclusive, exclusive). */
  from: string;
  to: string;
}

/** Tokens that a query asks for together; more of them find hardly less. */
const MOST_TOKENS = 16;
/** Of a literal, so many characters are looked up in the table of frequencies. */
const MOST_CHARACTERS = 256;
/** Patterns or values that an index is asked for; more are left to the walk. */
const MOST_ALTERNATIVES = 50;
/** Greater than every `order`. */
const END = '\u{10ffff}';

/** Finds the index and the bounds for a plan. */
export function narrow(plan: QueryPlan, frequencies: TokenFrequencies): Narrowing {
  const sources = plan.clauses.map((clause) => sourceOf(clause, plan, frequencies)).filter((source) => source !== undefined);
  const places = plan.level === 'patient' ? [] : plan.clauses.map(placesOf).filter((range) => range !== undefined);
  return {
    source: narrowest(sources, frequencies),
    from: placeText(Math.max(0, ...places.map(({ from }) => from))),
    to: places.length === 0 ? END : placeText(Math.min(...places.map(({ to }) => to))),
  };
}

/** Equal values before tokens; the tokens that all must hold are asked for together, the rarest first. */
function narrowest(sources: readonly Source[], frequencies: TokenFrequencies): Source {
  const equal = sources.find(({ field }) => field !== 'tokens');
  if (equal !== undefined) return equal;
  const all = frequencies.rarestFirst(sources.flatMap((source) => ('all' in source ? source.all : []))).slice(0, MOST_TOKENS);
  if (all.length > 0) return { field: 'tokens', all };
  return sources.find((source) => 'any' in source) ?? { field: 'order' };
}

function sourceOf(clause: QueryClause, plan: QueryPlan, frequencies: TokenFrequencies): Source | undefined {
  const tag = tagOf(clause);
  if (tag === undefined) return undefined;
  if (plan.level === 'patient' && tag !== '00100010' && tag !== '00100020') return undefined;
  const equal = equalSource(clause, tag, plan);
  if (equal !== undefined) return equal;
  const field = SEARCH_FIELD_OF_TAG[tag];
  // A patient has tokens of its name only.
  return field === undefined || (plan.level === 'patient' && field !== 'patientName') ? undefined : tokenSource(clause, field, frequencies);
}

function equalSource(clause: QueryClause, tag: string, plan: QueryPlan): Source | undefined {
  if (clause.kind !== 'equals' || clause.values.length > MOST_ALTERNATIVES) return undefined;
  if (tag === '00100020') return { field: 'patientId', values: clause.values.map(fold) };
  if (tag === '00080050') return { field: 'accessionNumber', values: clause.values.map(fold) };
  const isModality = tag === '00080061' || (tag === '00080060' && plan.level !== 'study');
  return isModality ? oneOfTokens(clause.values.map(modalityToken)) : undefined;
}

function tokenSource(clause: QueryClause, field: SearchField, frequencies: TokenFrequencies): Source | undefined {
  const patterns = clause.kind === 'equals' ? clause.values.map((value) => [fold(value)]) : literalsByPattern(clause);
  if (patterns === undefined || patterns.length > MOST_ALTERNATIVES) return undefined;
  const tokens = patterns.map((literals) => frequencies.rarestFirst(literals.flatMap((literal) => tokensOf(literal, field))));
  if (tokens.length === 1) return { field: 'tokens', all: tokens[0]! };
  const rarest = tokens.map(([first]) => first);
  return rarest.every((token) => token !== undefined) ? oneOfTokens(rarest) : undefined;
}

function tokensOf(literal: string, field: SearchField): readonly string[] {
  const trigrams = trigramTokens(field, literal.slice(0, MOST_CHARACTERS));
  const short = field === 'patientName' ? tokenOfShortLiteral(literal) : undefined;
  return short === undefined ? trigrams : [...trigrams, short];
}

function oneOfTokens(tokens: readonly string[]): Source {
  return tokens.length === 1 ? { field: 'tokens', all: tokens } : { field: 'tokens', any: tokens };
}
