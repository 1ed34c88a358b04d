// How the index takes instances as it grows: the rate, and recordReceipts and searches at a tenth and at the whole.
//   npm run bench:index -- [--adapter sqlite|mongo] [--instances 1000000] [--folder DIR]
import { parseArgs } from 'node:util';
import { QueryPlanner } from '@cairn/archive';
import { aMillionStudies } from '../data/index-receipts.ts';
import { percentile } from '../statistics.ts';
import { openIndex } from './adapter.ts';
import type { Search } from './time-search.ts';
import { SCOPE, timeSearch } from './time-search.ts';

/** Receipts of one call, as an indexer under load takes them. */
const BATCH = 200;
const PER_STUDY = 100;
/** Batches before a checkpoint whose latency is compared: this share of what is filled by then. */
const WINDOW = 0.2;

const { values } = parseArgs({
  options: {
    adapter: { type: 'string', default: 'sqlite' },
    instances: { type: 'string', default: '1000000' },
    folder: { type: 'string' },
  },
});
/** Rounded up, so that a tenth ends with a batch. */
const total = Math.ceil(Number(values.instances) / (10 * BATCH)) * 10 * BATCH;
const checkpoints = [total / 10, total];

/** Searches among the studies that are filled by then; the days are those of their ten years. */
const searchesAt = (studies: number): readonly Search[] => [
  { title: 'by Patient ID', keys: (run) => ({ '00100020': `P${(run * 7919) % studies}` }) },
  { title: 'by accession number', keys: (run) => ({ '00080050': `A${(run * 7919) % studies}` }) },
  { title: 'by month, limit 25', keys: (run) => ({ '00080020': `2014${month(run)}01-2014${month(run)}28` }), options: { limit: 25 } },
  { title: 'name prefix, rare', keys: (run) => ({ '00100010': `name${(run * 37) % 9000}^*` }) },
  { title: 'series of a study', keys: (run) => ({ '0020000D': `1.2.3.${(run * 7919) % studies}` }), options: { level: 'series' } },
  { title: 'images of a study', keys: (run) => ({ '0020000D': `1.2.3.${(run * 7919) % studies}` }), options: { level: 'instance' } },
];

const index = await openIndex(values.adapter, `cairn_index_${Date.now()}`, values.folder);
try {
  if ((await index.store.tenants(SCOPE)).length > 0) throw new Error('the index in that folder is not empty');
  await fill();
} finally {
  await index.close();
}

async function fill(): Promise<void> {
  const latencies: number[] = [];
  const stored: number[] = [];
  const searched = new Map<string, number[]>();
  for (const batch of aMillionStudies(Math.ceil(total / PER_STUDY), PER_STUDY, BATCH)) {
    const started = performance.now();
    await index.store.recordReceipts(SCOPE, batch);
    latencies.push(performance.now() - started);
    const filled = latencies.length * BATCH;
    if (filled % 10_000 === 0) process.stderr.write(`${filled} of ${total}: ${rate(latencies.slice(-10_000 / BATCH))}/s\n`);
    if (!checkpoints.includes(filled)) continue;
    stored.push(percentile(latencies.slice(-latencies.length * WINDOW), 0.95));
    const planner = new QueryPlanner(index.store);
    for (const search of searchesAt(filled / PER_STUDY)) {
      searched.set(search.title, [...(searched.get(search.title) ?? []), (await timeSearch(planner, search)).p50]);
    }
  }
  console.log(`${total} instances, ${PER_STUDY} a study: ${rate(latencies)} instances/s in batches of ${BATCH}, making them not included`);
  console.log(`| ms | at ${checkpoints.join(' | at ')} | growth |`);
  console.log('|---|---|---|---|');
  printRow(`recordReceipts of ${BATCH}, p95 (goal: growth ≤ 1.2×)`, stored);
  for (const [title, times] of searched) printRow(`${title}, p50`, times);
}

function printRow(title: string, [early = Number.NaN, late = Number.NaN]: readonly number[]): void {
  console.log(`| ${title} | ${early.toFixed(2)} | ${late.toFixed(2)} | ${(late / early).toFixed(2)}× |`);
}

/** Receipts a second of these batches. */
function rate(latencies: readonly number[]): string {
  return ((latencies.length * BATCH * 1000) / latencies.reduce((sum, latency) => sum + latency, 0)).toFixed(0);
}

function month(run: number): string {
  return String(1 + (run % 12)).padStart(2, '0');
}
