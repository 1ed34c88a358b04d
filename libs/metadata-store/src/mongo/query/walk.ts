import type { QueryPlan } from '../../query.ts';
import type { Collections, StoredSeries, StoredStudy } from '../collections.ts';
import type { Candidate } from './candidates.ts';
import type { CursorKey } from './cursor.ts';
import type { KnownUids } from './known-uids.ts';
import type { Narrowing } from './narrowing.ts';
import { orderedPages } from './pages.ts';

/** Instances looked at together. */
const INSTANCES = 500;

/** Where a walk goes. */
export interface WalkRequest {
  tenant: string;
  plan: QueryPlan;
  narrowing: Narrowing;
  known: KnownUids;
  after: CursorKey | undefined;
  /** Matches to pass over at once, where every document matches. */
  skip: number;
}

/** Pages of candidates of a plan's level, in its order. */
export function walk(collections: Collections, request: WalkRequest): AsyncGenerator<readonly Candidate[]> {
  return request.plan.level === 'patient' ? patientPages(collections, request) : pagesBelowPatient(collections, request);
}

async function* patientPages(
  { patients }: Collections,
  { tenant, plan, narrowing, after, skip }: WalkRequest,
): AsyncGenerator<readonly Candidate[]> {
  const wanted = plan.offset + plan.limit + 1;
  const request = { tenant, narrowing, after: after?.[0], inclusive: false, skip, wanted, projection: { tokens: 0 } } as const;
  for await (const page of orderedPages(patients, request)) yield page.map((patient) => ({ key: [patient.order!], patient }));
}

async function* pagesBelowPatient(collections: Collections, request: WalkRequest): AsyncGenerator<readonly Candidate[]> {
  const { plan, after } = request;
  for await (const page of studyPages(collections, request)) {
    if (plan.level === 'study') {
      yield page.map((study) => ({ key: [study.order!], study }));
      continue;
    }
    const series = await seriesOf(collections, request, page);
    if (plan.level === 'series') yield series.filter(({ key }) => after === undefined || isBehind(key, after));
    else for (const one of series) yield* instancePages(collections, request, one);
  }
}

/** The studies that UIDs leave, or pages of those that an index finds. */
async function* studyPages({ studies }: Collections, request: WalkRequest): AsyncGenerator<readonly StoredStudy[]> {
  const { tenant, plan, narrowing, known, after, skip } = request;
  const inclusive = plan.level !== 'study';
  if (known.studies === undefined) {
    const wanted = plan.level === 'study' ? plan.limit + 1 : 1;
    yield* orderedPages(studies, { tenant, narrowing, after: after?.[0], inclusive, skip, wanted, projection: { tokens: 0 } });
    return;
  }
  const found = await studies.find({ _id: { $in: [...known.studies] } }, { projection: { tokens: 0 } }).toArray();
  const first = after?.[0] ?? '';
  const left = found.filter(({ order }) => order !== undefined && (inclusive ? order >= first : order > first));
  yield left.toSorted((a, b) => (a.order! < b.order! ? -1 : 1));
}

async function seriesOf(
  { series }: Collections,
  { known }: WalkRequest,
  studies: readonly StoredStudy[],
): Promise<readonly (Candidate & { series: StoredSeries })[]> {
  const found = await series.find({ study: { $in: studies.map(({ _id }) => _id) } }).toArray();
  const byStudy = Map.groupBy(
    found.filter(({ _id, order }) => order !== undefined && known.series?.has(_id) !== false),
    ({ study }) => study,
  );
  return studies.flatMap((study) =>
    (byStudy.get(study._id) ?? [])
      .toSorted((a, b) => (a.order! < b.order! ? -1 : 1))
      .map((one) => ({ key: [study.order!, one.order!], study, series: one })),
  );
}

async function* instancePages(
  { instances }: Collections,
  { known, after }: WalkRequest,
  parent: Candidate & { series: StoredSeries },
): AsyncGenerator<readonly Candidate[]> {
  const above = after?.slice(0, 2);
  if (above !== undefined && isBehind(above, parent.key)) return;
  let order = after !== undefined && !isBehind(parent.key, above!) ? after[2]! : '';
  const projection = { known: 0, duplicates: 0 };
  for (;;) {
    const filter = { series: parent.series._id, order: { $gt: order } };
    const page = await instances.find(filter, { projection, sort: { order: 1 }, limit: INSTANCES }).toArray();
    yield page
      .filter(({ _id }) => known.instances?.has(_id) !== false)
      .map((instance) => ({ ...parent, key: [...parent.key, instance.order!], instance }));
    if (page.length < INSTANCES) return;
    order = page.at(-1)!.order!;
  }
}

/** True when a key comes after another one. */
function isBehind(key: CursorKey, other: CursorKey): boolean {
  const at = key.findIndex((part, index) => part !== other[index]);
  return at >= 0 && key[at]! > (other[at] ?? '');
}
