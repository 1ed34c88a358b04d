// The index at a million studies: how fast it fills, and p50/p95 of the searches that viewers send.
//   npm run bench:million -- [--adapter sqlite|mongo] [--studies 1000000] [--instances 1] [--folder DIR]
import { parseArgs } from 'node:util';
import { QueryPlanner } from '@cairn/archive';
import { aMillionStudies } from '../data/index-receipts.ts';
import { openIndex } from './adapter.ts';
import type { Search } from './time-search.ts';
import { SCOPE, timeSearch } from './time-search.ts';

const BATCH = 200;

const { values } = parseArgs({
  options: {
    adapter: { type: 'string', default: 'sqlite' },
    studies: { type: 'string', default: '1000000' },
    instances: { type: 'string', default: '1' },
    folder: { type: 'string' },
  },
});
const studies = Number(values.studies);
const instances = Number(values.instances);

/** Each search with the values that it runs through. */
const SEARCHES: readonly Search[] = [
  { title: 'newest studies, limit 25', keys: () => ({}), options: { limit: 25 } },
  { title: 'by Patient ID', keys: (run) => ({ '00100020': `P${(run * 7919) % studies}` }) },
  { title: 'by accession number', keys: (run) => ({ '00080050': `A${(run * 7919) % studies}` }) },
  { title: 'by day', keys: (run) => ({ '00080020': `2023${month(run)}15` }) },
  { title: 'by month, limit 25', keys: (run) => ({ '00080020': `2022${month(run)}01-2022${month(run)}28` }), options: { limit: 25 } },
  { title: 'name prefix, frequent', keys: (run) => ({ '00100010': `${['smith', 'garcia', 'muller', 'lee'][run % 4]!}*` }) },
  { title: 'name prefix, two letters', keys: (run) => ({ '00100010': `${['ab', 'zu', 'qu', 'xi'][run % 4]!}*` }) },
  { title: 'name prefix, rare', keys: (run) => ({ '00100010': `name${(run * 37) % 9000}^*` }) },
  { title: 'full name', keys: (run) => ({ '00100010': `name${(run * 37) % 9000}^anna` }) },
  { title: '*x* on names, frequent', keys: (run) => ({ '00100010': `*${['smi', 'arci', 'ull', 'anna', 'ohn'][run % 5]!}*` }) },
  { title: '*x* on names, rare', keys: (run) => ({ '00100010': `*ame${(run * 41) % 9000}*` }) },
  { title: '*x* on names, none', keys: (run) => ({ '00100010': `*xyz${run}*` }) },
  { title: '*x* on names, ideographic', keys: (run) => ({ '00100010': `*${['山田', '郎', '鈴木', '花'][run % 4]!}*` }) },
  { title: '*xy* on names, two letters', keys: (run) => ({ '00100010': `*${['an', 'oh', 'th', 'zz'][run % 4]!}*` }) },
  { title: '*x* on Patient ID', keys: (run) => ({ '00100020': `*${(run * 7919) % studies}*` }) },
  { title: '*x* on description', keys: (run) => ({ '00081030': `*${['thorax', 'knee', 'abdomen'][run % 3]!}*` }) },
  { title: '*x* on name and description', keys: () => ({ '00100010': '*smi*', '00081030': '*knee*' }) },
  { title: 'rare modality', keys: () => ({ '00080061': 'OPT' }) },
  { title: 'modality in a month', keys: (run) => ({ '00080061': 'MR', '00080020': `2022${month(run)}01-2022${month(run)}28` }) },
  { title: 'fuzzy name', keys: () => ({ '00100010': 'joh smi' }), options: { fuzzy: true } },
  { title: 'patients by name prefix', keys: () => ({ '00100010': 'smith*' }), options: { level: 'patient' } },
  { title: 'patients by *x*', keys: () => ({ '00100010': '*rcia*' }), options: { level: 'patient' } },
  { title: 'series of a study', keys: (run) => ({ '0020000D': `1.2.3.${(run * 7919) % studies}` }), options: { level: 'series' } },
  { title: 'page at offset 10,000', keys: () => ({}), options: { offset: 10_000 } },
];

const index = await openIndex(values.adapter, `cairn_million_${studies}`, values.folder);
try {
  if ((await index.store.tenants(SCOPE)).length === 0) await fill();
  await measureSearches();
} finally {
  await index.close();
}

async function fill(): Promise<void> {
  const started = performance.now();
  const cpu = process.cpuUsage();
  let filled = 0;
  for (const batch of aMillionStudies(studies, instances, BATCH)) {
    await index.store.recordReceipts(SCOPE, batch);
    filled += batch.length;
    if (filled % 10_000 === 0) process.stderr.write(`${filled} receipts\n`);
  }
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const microseconds = ((user + system) / filled).toFixed(0);
  console.log(`${filled} receipts of ${studies} studies in ${seconds.toFixed(0)} s: ${(filled / seconds).toFixed(0)}/s,`);
  console.log(`${microseconds} µs CPU each in this process, making them included`);
}

/** Lists without a bound are left out on the stand-in for MongoDB, which sorts every match before it limits. */
async function measureSearches(): Promise<void> {
  const planner = new QueryPlanner(index.store);
  console.log('| search (limit 101 unless said) | p50 ms | p95 ms | answers |');
  console.log('|---|---|---|---|');
  for (const search of SEARCHES) {
    if (index.isStandIn && Object.keys(search.keys(0)).length === 0) continue;
    const { p50, p95, answers } = await timeSearch(planner, search);
    console.log(`| ${search.title} | ${p50.toFixed(2)} | ${p95.toFixed(2)} | ${answers} |`);
  }
}

function month(run: number): string {
  return String(1 + (run % 12)).padStart(2, '0');
}
