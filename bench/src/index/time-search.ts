import type { AttributeQuery, QueryKey, QueryPlanner } from '@cairn/archive';
import { systemScope } from '@cairn/core';
import { percentile } from '../statistics.ts';

const RUNS = 200;
/** A search that takes long is repeated less often, but so often at least that a p95 means something. */
const ENOUGH_MS = 10_000;
const MIN_RUNS = 20;

/** The tenant of all index benches. */
export const SCOPE = systemScope('default');

/** A search with the values that it runs through. */
export interface Search {
  readonly title: string;
  readonly keys: (run: number) => Readonly<Record<string, string>>;
  readonly options?: Partial<AttributeQuery>;
}

/** Latencies in ms, and the most answers that a run had. */
export interface SearchTimes {
  readonly p50: number;
  readonly p95: number;
  readonly answers: number;
}

/** Repeats a search for studies, limit 101 unless its options say otherwise, one after the other. */
export async function timeSearch(planner: QueryPlanner, { keys, options }: Search): Promise<SearchTimes> {
  const times: number[] = [];
  let answers = 0;
  const end = performance.now() + ENOUGH_MS;
  for (let run = 0; run < RUNS && (run < MIN_RUNS || performance.now() < end); run++) {
    const query: AttributeQuery = {
      level: 'study',
      keys: Object.entries(keys(run)).map(([tag, value]): QueryKey => ({ path: [tag], value })),
      include: [],
      fuzzy: false,
      combineDateTime: true,
      limit: 101,
      offset: 0,
      ...options,
    };
    const started = performance.now();
    answers = Math.max(answers, (await planner.query(SCOPE, query)).answers.length);
    times.push(performance.now() - started);
  }
  return { p50: percentile(times, 0.5), p95: percentile(times, 0.95), answers };
}
