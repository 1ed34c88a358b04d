import { CairnError } from '@cairn/core';
import { parseAttributePath } from './attribute-path.ts';
import type { AttributePath } from './attribute-path.ts';
import type { QueryParameter } from './query-string.ts';

/** One attribute to match; the value as the client wrote it. */
export interface QidoKey {
  /** The parameter's name as the client wrote it. */
  name: string;
  path: AttributePath;
  /** From the dictionary; absent for private attributes. */
  vr?: string;
  value: string;
}

/** A QIDO-RS query (PS3.18 §8.3.4), before limits of the server apply. */
export interface QidoQuery {
  keys: readonly QidoKey[];
  /** Tags to return beside the level's own, or everything of the level. */
  include: readonly string[] | 'all';
  fuzzy: boolean;
  emptyValueMatching: boolean;
  multipleValueMatching: boolean;
  /** Absent when not given; at least 1. */
  limit?: number;
  offset: number;
  /** Continues a page that the server gave; its own extension. */
  cursor?: string;
  /** One sentence for each parameter that was ignored, fit for a Warning header. */
  warnings: readonly string[];
}

type Draft = { -readonly [Key in keyof QidoQuery]: QidoQuery[Key] } & { keys: QidoKey[]; warnings: string[] };

/** Options by lower-case name; each reads its values into the draft. */
const OPTIONS: Readonly<Record<string, (draft: Draft, value: string) => void>> = {
  limit: (draft, value) => (draft.limit = wholeNumber('limit', value, 1)),
  offset: (draft, value) => (draft.offset = wholeNumber('offset', value, 0)),
  fuzzymatching: (draft, value) => (draft.fuzzy = flag('fuzzymatching', value)),
  emptyvaluematching: (draft, value) => (draft.emptyValueMatching = flag('emptyvaluematching', value)),
  multiplevaluematching: (draft, value) => (draft.multipleValueMatching = flag('multiplevaluematching', value)),
  includefield: addIncludes,
  cursor: (draft, value) => (draft.cursor = cursor(value)),
  accept: () => undefined,
};

const REPEATABLE = new Set(['includefield', 'accept']);
const MAX_INCLUDES = 500;
const MAX_WARNINGS = 20;
/** Longest name that an error repeats. */
const MAX_NAME_LENGTH = 128;

/**
 * Reads the parameters of a QIDO-RS request. A parameter that is shaped like an attribute and is none would be a dropped filter and
 * show other patients: `query.unknown-attribute`. Other unknown parameters are ignored with a warning. Throws
 * `query.invalid-paging` for limit, offset and cursor, `web.bad-request` for flags and for a parameter given twice.
 *
 * @example parseQidoQuery(parseQueryString('PatientName=DOE*&limit=25&includefield=StudyDescription'))
 */
export function parseQidoQuery(parameters: readonly QueryParameter[]): QidoQuery {
  const draft: Draft = {
    keys: [],
    include: [],
    fuzzy: false,
    emptyValueMatching: false,
    multipleValueMatching: false,
    offset: 0,
    warnings: [],
  };
  const seen = new Set<string>();
  for (const parameter of parameters) {
    const identity = Object.hasOwn(OPTIONS, parameter.name.toLowerCase()) ? readOption(draft, parameter) : readKey(draft, parameter);
    if (identity === undefined) continue;
    if (seen.has(identity)) throw badRequest(parameter.name, `The parameter ${parameter.name} is given twice.`);
    seen.add(identity);
  }
  if (draft.cursor !== undefined && draft.offset > 0) throw invalidPaging('cursor', 'A page cursor and an offset exclude each other.');
  return draft;
}

/** The option's name when it may be given only once. */
function readOption(draft: Draft, { name, value }: QueryParameter): string | undefined {
  const option = name.toLowerCase();
  OPTIONS[option]?.(draft, value);
  return REPEATABLE.has(option) ? undefined : option;
}

/** The attribute's path when the parameter names one. */
function readKey(draft: Draft, { name, value }: QueryParameter): string | undefined {
  const named = parseAttributePath(name);
  if (named.kind === 'unknown-attribute') throw unknownAttribute(name);
  if (named.kind === 'other') {
    warn(draft, `The parameter ${name} is not known and was ignored`);
    return undefined;
  }
  draft.keys.push({ name, path: named.path, value, ...(named.vr === undefined ? {} : { vr: named.vr }) });
  return named.path.join('.');
}

function addIncludes(draft: Draft, value: string): void {
  for (const name of value.split(',').map((text) => text.trim())) {
    if (name.toLowerCase() === 'all') draft.include = 'all';
    if (name === '' || draft.include === 'all') continue;
    const named = parseAttributePath(name);
    if (named.kind !== 'attribute') throw unknownAttribute(name);
    if (draft.include.length >= MAX_INCLUDES) throw badRequest('includefield', 'includefield names too many attributes.');
    else if (!draft.include.includes(named.path[0])) draft.include = [...draft.include, named.path[0]];
  }
}

function warn(draft: Draft, text: string): void {
  if (draft.warnings.length < MAX_WARNINGS && !draft.warnings.includes(text)) draft.warnings.push(text);
}

function wholeNumber(name: string, value: string, least: number): number {
  if (!/^\d{1,15}$/.test(value) || Number(value) < least) throw invalidPaging(name, `${name} is a whole number from ${least}.`);
  return Number(value);
}

function cursor(value: string): string {
  if (!/^[A-Za-z0-9_-]{1,1024}$/.test(value)) throw invalidPaging('cursor', 'The page cursor is malformed.');
  return value;
}

function flag(name: string, value: string): boolean {
  const text = value.toLowerCase();
  if (text !== 'true' && text !== 'false') throw badRequest(name, `${name} is true or false.`);
  return text === 'true';
}

function unknownAttribute(name: string): CairnError {
  const attribute = name.slice(0, MAX_NAME_LENGTH);
  return new CairnError('query.unknown-attribute', `There is no attribute ${attribute}.`, { details: { attribute } });
}

function invalidPaging(parameter: string, message: string): CairnError {
  return new CairnError('query.invalid-paging', message, { details: { parameter } });
}

function badRequest(parameter: string, message: string): CairnError {
  return new CairnError('web.bad-request', message, { details: { parameter } });
}
