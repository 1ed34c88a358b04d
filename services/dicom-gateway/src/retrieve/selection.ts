import type { AttributeQuery, QueryAnswer, QueryEngine } from '@cairn/archive';
import type { DicomJson, Scope } from '@cairn/core';
import type { InstanceSelector } from '@cairn/metadata-store';
import { UNIQUE_KEYS } from '../association/sop-classes.ts';
import type { InformationModel, RetrieveLevel } from '../association/sop-classes.ts';
import { checkHierarchy, checkUniqueKey, textOf } from '../find/identifier.ts';

/** Rows of one page while patients or lone UIDs are resolved to studies. */
const PAGE_SIZE = 200;

const QUERY_LEVEL = { STUDY: 'study', SERIES: 'series', IMAGE: 'instance' } as const;

/** What a retrieve asks for. */
export interface RetrieveRequest {
  identifier: DicomJson;
  model: InformationModel;
  level: RetrieveLevel;
  /** Relational retrieval was negotiated: keys of the levels above may be missing. */
  relational: boolean;
}

/**
 * The studies, series or instances that an identifier names (PS3.4 §C.4.2.2.1). Throws `query.missing-key` when the level's
 * unique key, or without relational retrieval that of a level above, has no value.
 */
export async function* selectorsOf(
  request: RetrieveRequest,
  queries: QueryEngine,
  scope: Scope,
  signal: AbortSignal,
): AsyncGenerator<InstanceSelector> {
  const { identifier, model, level, relational } = request;
  checkUniqueKey(identifier, level);
  if (model.hierarchical && !relational) checkHierarchy(identifier, model, level);
  const [study, series] = [textOf(identifier['0020000D']), textOf(identifier['0020000E'])];
  if (level === 'STUDY') yield* uids(identifier, '0020000D').map((studyInstanceUid) => ({ studyInstanceUid }));
  else if (level === 'SERIES' && study) {
    yield* uids(identifier, '0020000E').map((seriesInstanceUid) => ({ studyInstanceUid: study, seriesInstanceUid }));
  } else if (level === 'IMAGE' && study && series) {
    for (const sopInstanceUid of uids(identifier, '00080018')) {
      yield { studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid };
    }
  } else yield* resolved(request, queries, scope, signal);
}

/** Asks the index where the named entities lie. */
async function* resolved(
  { identifier, level }: RetrieveRequest,
  queries: QueryEngine,
  scope: Scope,
  signal: AbortSignal,
): AsyncGenerator<InstanceSelector> {
  const keys = UNIQUE_KEYS.flatMap(({ tag }) => {
    const value = textOf(identifier[tag]);
    return value ? [{ path: [tag] as [string], vr: tag === '00100020' ? 'LO' : 'UI', value }] : [];
  });
  const form = { keys, include: [], fuzzy: false, combineDateTime: false, limit: PAGE_SIZE, offset: 0 };
  let query: AttributeQuery = { ...form, level: level === 'PATIENT' ? 'study' : QUERY_LEVEL[level] };
  for (let more = true; more;) {
    const page = await queries.query(scope, query, signal);
    for (const answer of page.answers) if (answer.studyInstanceUid !== undefined) yield selectorOf(answer.studyInstanceUid, answer, level);
    const cursor = page.answers.at(-1)?.cursor;
    more = page.more && cursor !== undefined;
    if (cursor !== undefined) query = { ...query, after: cursor };
  }
}

function selectorOf(studyInstanceUid: string, { seriesInstanceUid, sopInstanceUid }: QueryAnswer, level: RetrieveLevel): InstanceSelector {
  if (level === 'PATIENT' || level === 'STUDY' || seriesInstanceUid === undefined) return { studyInstanceUid };
  if (level === 'SERIES' || sopInstanceUid === undefined) return { studyInstanceUid, seriesInstanceUid };
  return { studyInstanceUid, seriesInstanceUid, sopInstanceUid };
}

/** The values of a UID list, each once. */
function uids(identifier: DicomJson, tag: string): string[] {
  return [
    ...new Set(
      textOf(identifier[tag])
        .split('\\')
        .map((uid) => uid.trim()),
    ),
  ].filter((uid) => uid !== '');
}
