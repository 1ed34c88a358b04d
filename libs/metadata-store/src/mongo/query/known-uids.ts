import { tagOf } from '../../clauses.ts';
import type { QueryClause, QueryPlan } from '../../query.ts';
import type { Collections } from '../collections.ts';
import { idOf } from '../keys.ts';

/** The documents that a plan's UIDs leave; undefined where it confines none. */
export interface KnownUids {
  studies?: ReadonlySet<string>;
  series?: ReadonlySet<string>;
  instances?: ReadonlySet<string>;
}

/** True for a clause on UIDs that {@link resolveUids} decides, at every level. */
export function isOnUids(clause: QueryClause): boolean {
  return clause.kind === 'equals' && ['0020000D', '0020000E', '00080018'].includes(tagOf(clause) ?? '');
}

/** Finds the studies, series and instances with the UIDs that a plan asks for. */
export async function resolveUids({ series, instances }: Collections, tenant: string, plan: QueryPlan): Promise<KnownUids> {
  const known: KnownUids = {};
  for (const clause of plan.clauses) {
    if (clause.kind !== 'equals' || !isOnUids(clause)) continue;
    const ids = clause.values.map((uid) => idOf(tenant, uid));
    if (clause.path[0] === '0020000D') confine(known, 'studies', ids);
    else if (clause.path[0] === '0020000E') {
      const found = await series.find({ uid: { $in: ids } }, { projection: { study: 1 } }).toArray();
      confine(
        known,
        'series',
        found.map(({ _id }) => _id),
      );
      confine(
        known,
        'studies',
        found.map(({ study }) => study),
      );
    } else {
      const found = await instances.find({ sop: { $in: ids } }, { projection: { study: 1, series: 1, present: 1 } }).toArray();
      const present = found.filter((one) => one.present === 1);
      confine(
        known,
        'instances',
        present.map(({ _id }) => _id),
      );
      confineSeries(
        known,
        plan,
        present.map((one) => one.series),
      );
      confine(
        known,
        'studies',
        present.map(({ study }) => study),
      );
    }
  }
  return known;
}

/** Above the series, its UID and an instance's need not meet in one series. */
function confineSeries(known: KnownUids, plan: QueryPlan, ids: readonly string[]): void {
  if (plan.level !== 'study') confine(known, 'series', ids);
}

function confine(known: KnownUids, kind: keyof KnownUids, ids: readonly string[]): void {
  const before = known[kind];
  known[kind] = new Set(before === undefined ? ids : ids.filter((id) => before.has(id)));
}
