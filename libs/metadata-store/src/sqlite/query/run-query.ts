import { setImmediate as nextTurn } from 'node:timers/promises';
import { CairnError } from '@cairn/core';
import { compileClause } from '../../match.ts';
import type { Predicate } from '../../match.ts';
import type { QueryClause, QueryPlan } from '../../query.ts';
import type { Database } from '../database.ts';
import { patientFields, readInstance, seriesFields, studyColumns } from '../rows.ts';
import type { InstanceRow, PatientRow, SeriesRow } from '../rows.ts';
import { elementsOf, instanceCandidate, seriesCandidate, studyCandidate } from './candidate.ts';
import type { Candidate, StudyCandidate } from './candidate.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import type { CursorKey } from './cursor.ts';
import { allHold, jsonWith } from './match-stream.ts';
import type { Match } from './match-stream.ts';
import { narrow, oneOf } from './narrowing.ts';
import type { Narrowing } from './narrowing.ts';
import { SharedDocuments, pageText } from './page-text.ts';
import { patientRows } from './patient-query.ts';
import { placeAfter, readStudies, stepEnd } from './study-candidates.ts';

/** Studies read at once: few at first, because most queries are answered by them, more when they do not match. */
const FIRST_STUDIES = 32;
const MOST_STUDIES = 1000;
/** Instances read at once. */
const INSTANCES = 500;

/**
 * Runs a plan; gives the text of a page (`readPage`). A long walk lets other calls in between and stops soon after `aborted` turns true.
 * @param tenantId - undefined for a tenant without data
 */
export async function runQuery(db: Database, tenantId: number | undefined, plan: QueryPlan, aborted: () => boolean): Promise<string> {
  const after = plan.after === undefined ? undefined : decodeCursor(plan.level, plan.after);
  const page = new Page(plan);
  if (tenantId === undefined) return page.text;
  const matches = plan.level === 'patient' ? patientRows(db, tenantId, plan, after) : rowsBelowPatient(db, tenantId, plan, after, page);
  while (!db.snapshot(() => page.fill(matches))) {
    await nextTurn();
    if (aborted()) throw new CairnError('metadata-store.unavailable', 'The query was aborted.');
  }
  return page.text;
}

/** The rows of the answer as they are found. */
class Page {
  readonly studies = new SharedDocuments();
  readonly series = new SharedDocuments();
  readonly #rows: string[] = [];
  readonly #limit: number;
  #toSkip: number;
  #more = false;

  constructor({ limit, offset }: QueryPlan) {
    this.#limit = limit;
    this.#toSkip = offset;
  }

  get text(): string {
    return pageText(this.#rows, this.#more, this.studies, this.series);
  }

  /** Takes matches up to the next pause, where it gives false, or until the page is complete. */
  fill(matches: Iterator<Match>): boolean {
    for (let next = matches.next(); next.done !== true; next = matches.next()) {
      const match = next.value;
      if (match === 'pause') return false;
      if (typeof match === 'number') this.#toSkip -= match;
      else if (this.#toSkip > 0) this.#toSkip -= 1;
      else if (this.#rows.length < this.#limit) this.#rows.push(match());
      else {
        this.#more = true;
        return true;
      }
    }
    return true;
  }
}

function* rowsBelowPatient(db: Database, tenantId: number, plan: QueryPlan, after: CursorKey | undefined, page: Page): Generator<Match> {
  const narrowing = narrow(plan);
  const walk = new LevelWalk({ db, tenantId, plan, open: narrowing.open, page });
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

/** What a walk works on; `open` are the clauses that rows have still to be tested for. */
interface WalkSetting {
  db: Database;
  tenantId: number;
  plan: QueryPlan;
  open: readonly QueryClause[];
  page: Page;
}

/** The rows of the plan's level within a study. */
class LevelWalk {
  readonly #db: Database;
  readonly #tenantId: number;
  readonly #plan: QueryPlan;
  readonly #page: Page;
  readonly #predicates: readonly Predicate[];
  readonly #seriesUids: readonly string[] | undefined;
  readonly #sopUids: readonly string[] | undefined;

  constructor({ db, tenantId, plan, open, page }: WalkSetting) {
    this.#db = db;
    this.#tenantId = tenantId;
    this.#plan = plan;
    this.#page = page;
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
        `SELECT * FROM instances WHERE series = ? AND (position, sop_uid) > (?, ?) AND ${only.sql} ORDER BY position, sop_uid LIMIT ${INSTANCES}`,
        id,
        ...last,
        ...only.values,
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
        study: String(this.#page.studies.numberOf(study.row, () => studyText(study))),
        series: series && String(this.#page.series.numberOf(series.row, () => seriesText(study, series))),
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

function studyText({ row, attributes }: StudyCandidate): string {
  return jsonWith(studyColumns(row), { modalities: row.modalities, sopClasses: row.sop_classes, attributes: attributes.text });
}

function seriesText(study: StudyCandidate, { row, attributes }: NonNullable<Candidate['series']>): string {
  return jsonWith(seriesFields(row, study.row.study_uid), { attributes: attributes.text });
}

/** The values of a plan's clause that asks for one of them; undefined when there is none. */
function valuesOf(plan: QueryPlan, tag: string): readonly string[] | undefined {
  const clause = plan.clauses.find(
    ({ kind, ...rest }) => kind === 'equals' && 'path' in rest && rest.path.length === 1 && rest.path[0] === tag,
  );
  return clause?.kind === 'equals' ? clause.values : undefined;
}
