import { setImmediate as nextTurn } from 'node:timers/promises';
import { CairnError } from '@cairn/core';
import { compileClause } from '../../match.ts';
import type { Predicate } from '../../match.ts';
import type { QueryClause, QueryPlan } from '../../query.ts';
import type { Database } from '../database.ts';
import { patientFields, readInstance, seriesFields, studyFields } from '../rows.ts';
import type { InstanceRow, PatientRow, SeriesRow } from '../rows.ts';
import { elementsOf, instanceCandidate, seriesCandidate, studyCandidate } from './candidate.ts';
import type { Candidate } from './candidate.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import type { CursorKey } from './cursor.ts';
import { allHold, jsonWith } from './match-stream.ts';
import type { Match } from './match-stream.ts';
import { narrow, oneOf } from './narrowing.ts';
import type { Narrowing } from './narrowing.ts';
import { patientRows } from './patient-query.ts';
import { placeAfter, readStudies, stepEnd } from './study-candidates.ts';

/** Studies read at once: few at first, because most queries are answered by them, more when they do not match. */
const FIRST_STUDIES = 32;
const MOST_STUDIES = 1000;
/** Instances read at once. */
const INSTANCES = 500;

/**
 * Runs a plan; gives the JSON text of a `QueryPage`. A long walk lets other calls in between and stops soon after `aborted` turns true.
 * @param tenantId - undefined for a tenant without data
 */
export async function runQuery(db: Database, tenantId: number | undefined, plan: QueryPlan, aborted: () => boolean): Promise<string> {
  const after = plan.after === undefined ? undefined : decodeCursor(plan.level, plan.after);
  if (tenantId === undefined) return pageText([], false);
  const matches = plan.level === 'patient' ? patientRows(db, tenantId, plan, after) : rowsBelowPatient(db, tenantId, plan, after);
  const rows: string[] = [];
  let toSkip = plan.offset;
  for (const match of matches) {
    if (match === 'pause') {
      await nextTurn();
      if (aborted()) throw new CairnError('metadata-store.unavailable', 'The query was aborted.');
    } else if (typeof match === 'number') toSkip -= match;
    else if (toSkip > 0) toSkip -= 1;
    else if (rows.length === plan.limit) return pageText(rows, true);
    else rows.push(match());
  }
  return pageText(rows, false);
}

function pageText(rows: readonly string[], more: boolean): string {
  return `{"rows":[${rows.join(',')}],"more":${more}}`;
}

function* rowsBelowPatient(db: Database, tenantId: number, plan: QueryPlan, after: CursorKey | undefined): Generator<Match> {
  const narrowing = narrow(plan);
  const walk = new LevelWalk(db, tenantId, plan, narrowing.open);
  for (const candidate of studyCandidates(db, tenantId, plan, narrowing, after)) {
    if (typeof candidate !== 'object') yield candidate;
    else yield* walk.matchesIn(candidate, after);
  }
}

function* studyCandidates(
  db: Database,
  tenantId: number,
  plan: QueryPlan,
  narrowing: Narrowing,
  after: CursorKey | undefined,
): Generator<Candidate | number | 'pause'> {
  const atStudies = plan.level === 'study';
  let place = Number(after?.[0] ?? 0) + (after !== undefined && atStudies ? 1 : 0);
  let count = atStudies ? Math.min(plan.limit + 1, MOST_STUDIES) : FIRST_STUDIES;
  if (plan.offset > 0 && atStudies && narrowing.open.length === 0) {
    place = placeAfter(db, tenantId, narrowing, plan.offset);
    yield plan.offset;
  }
  while (place < narrowing.to) {
    const to = stepEnd(db, tenantId, narrowing, place);
    const rows = readStudies(db, tenantId, { ...narrowing, to }, place, count);
    for (const row of rows) yield studyCandidate(db, row);
    place = rows.length < count ? to : rows.at(-1)!.place + 1;
    count = Math.min(count * 4, MOST_STUDIES);
    yield 'pause';
  }
}

/** The rows of the plan's level within a study. */
class LevelWalk {
  readonly #db: Database;
  readonly #tenantId: number;
  readonly #plan: QueryPlan;
  readonly #predicates: readonly Predicate[];
  readonly #seriesUids: readonly string[] | undefined;
  readonly #sopUids: readonly string[] | undefined;

  constructor(db: Database, tenantId: number, plan: QueryPlan, open: readonly QueryClause[]) {
    this.#db = db;
    this.#tenantId = tenantId;
    this.#plan = plan;
    this.#predicates = open.map(compileClause);
    this.#seriesUids = valuesOf(plan, '0020000E');
    this.#sopUids = valuesOf(plan, '00080018');
  }

  *matchesIn(study: Candidate, after: CursorKey | undefined): Generator<Match> {
    if (this.#plan.level === 'study') yield* this.#match(study, [study.study.row.place]);
    else yield* this.#series(study, study.study.row.place === after?.[0] ? after : undefined);
  }

  *#series(study: Candidate, after: CursorKey | undefined): Generator<Match> {
    const only = oneOf('series_uid', this.#seriesUids);
    const holding = oneOf('sop_uid', this.#plan.level === 'series' ? this.#sopUids : undefined);
    const comparison = this.#plan.level === 'series' ? '>' : '>=';
    const rows = this.#db.all<SeriesRow>(
      `SELECT * FROM series WHERE study = ? AND (position, series_uid) ${comparison} (?, ?) AND ${only.sql}
        AND (${holding.sql === 'true' ? 'true' : `id IN (SELECT series FROM instances WHERE ${holding.sql})`}) ORDER BY position, series_uid`,
      study.study.row.id,
      after?.[1] ?? -Infinity,
      after?.[2] ?? '',
      ...only.values,
      ...holding.values,
    );
    for (const row of rows) {
      const series = seriesCandidate(this.#db, study.study, row);
      if (this.#plan.level === 'series') yield* this.#match(series, [study.study.row.place, row.position, row.series_uid]);
      else yield* this.#instances(series, row, row.series_uid === after?.[2] ? after : undefined);
    }
  }

  *#instances(series: Candidate, { id, position, series_uid }: SeriesRow, after: CursorKey | undefined): Generator<Match> {
    const only = oneOf('sop_uid', this.#sopUids);
    let last = [after?.[3] ?? -Infinity, after?.[4] ?? ''];
    for (;;) {
      const rows = this.#db.all<InstanceRow>(
        `SELECT * FROM instances WHERE series = ? AND (position, sop_uid) > (?, ?) AND ${only.sql} ORDER BY position, sop_uid LIMIT ?`,
        id,
        ...last,
        ...only.values,
        INSTANCES,
      );
      for (const row of rows) {
        const key = [series.study.row.place, position, series_uid, row.position, row.sop_uid];
        yield* this.#match(instanceCandidate(this.#db, series, row), key);
      }
      if (rows.length < INSTANCES) return;
      last = [rows.at(-1)!.position, rows.at(-1)!.sop_uid];
      yield 'pause';
    }
  }

  *#match(candidate: Candidate, key: CursorKey): Generator<Match> {
    if (allHold(this.#predicates, elementsOf(candidate))) yield () => this.#row(candidate, key);
  }

  #row({ study, series, instance, header }: Candidate, key: CursorKey): string {
    return jsonWith(
      { cursor: encodeCursor(key) },
      {
        patient: this.#plan.withPatient ? this.#patient(study.row.patient) : undefined,
        study: jsonWith(studyFields(study.row), { attributes: study.attributes.text }),
        series: series && jsonWith(seriesFields(series.row, study.row.study_uid), { attributes: series.attributes.text }),
        instance: instance && JSON.stringify(readInstance(this.#db, this.#tenantId, instance.row).document),
        attributes: instance?.attributes.text,
        header: this.#plan.withHeader ? header.text : undefined,
      },
    );
  }

  #patient(id: number): string {
    const row = this.#db.get<PatientRow>('SELECT * FROM patients WHERE id = ?', id)!;
    return jsonWith(patientFields(row), { attributes: row.attributes });
  }
}

/** The values of a plan's clause that asks for one of them; undefined when there is none. */
function valuesOf(plan: QueryPlan, tag: string): readonly string[] | undefined {
  const clause = plan.clauses.find(
    ({ kind, ...rest }) => kind === 'equals' && 'path' in rest && rest.path.length === 1 && rest.path[0] === tag,
  );
  return clause?.kind === 'equals' ? clause.values : undefined;
}
