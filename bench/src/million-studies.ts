// The embedded index at a million studies: how fast it fills, and p50/p95 of the searches that viewers send.
//   npm run bench:million -- [--studies 1000000] [--instances 1] [--folder DIR]
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { QueryPlanner } from '@cairn/archive';
import type { AttributeQuery, QueryKey } from '@cairn/archive';
import { systemScope } from '@cairn/core';
import { SqliteMetadataStore } from '@cairn/metadata-store/sqlite';
import { aMillionStudies } from './data/index-receipts.ts';

const RUNS = 200;
const BATCH = 200;
const scope = systemScope('default');

const { values } = parseArgs({
  options: { studies: { type: 'string', default: '1000000' }, instances: { type: 'string', default: '1' }, folder: { type: 'string' } },
});
const studies = Number(values.studies);
const instances = Number(values.instances);
const folder = values.folder ?? (await mkdtemp(join(tmpdir(), 'cairn-million-')));
const file = join(folder, 'index.db');

/** Each search with the values that it runs through. */
const SEARCHES: readonly [title: string, key: (run: number) => Record<string, string>, options?: Partial<AttributeQuery>][] = [
  ['newest studies, limit 25', () => ({}), { limit: 25 }],
  ['by Patient ID', (run) => ({ '00100020': `P${(run * 7919) % studies}` })],
  ['by accession number', (run) => ({ '00080050': `A${(run * 7919) % studies}` })],
  ['by day', (run) => ({ '00080020': `2023${month(run)}15` })],
  ['by month, limit 25', (run) => ({ '00080020': `2022${month(run)}01-2022${month(run)}28` }), { limit: 25 }],
  ['name prefix, frequent', (run) => ({ '00100010': `${['smith', 'garcia', 'muller', 'lee'][run % 4]!}*` })],
  ['name prefix, two letters', (run) => ({ '00100010': `${['ab', 'zu', 'qu', 'xi'][run % 4]!}*` })],
  ['name prefix, rare', (run) => ({ '00100010': `name${(run * 37) % 9000}^*` })],
  ['full name', (run) => ({ '00100010': `name${(run * 37) % 9000}^anna` })],
  ['*x* on names, frequent', (run) => ({ '00100010': `*${['smi', 'arci', 'ull', 'anna', 'ohn'][run % 5]!}*` })],
  ['*x* on names, rare', (run) => ({ '00100010': `*ame${(run * 41) % 9000}*` })],
  ['*x* on names, none', (run) => ({ '00100010': `*xyz${run}*` })],
  ['*x* on names, ideographic', (run) => ({ '00100010': `*${['山田', '郎', '鈴木', '花'][run % 4]!}*` })],
  ['*xy* on names, two letters', (run) => ({ '00100010': `*${['an', 'oh', 'th', 'zz'][run % 4]!}*` })],
  ['*x* on Patient ID', (run) => ({ '00100020': `*${(run * 7919) % studies}*` })],
  ['*x* on description', (run) => ({ '00081030': `*${['thorax', 'knee', 'abdomen'][run % 3]!}*` })],
  ['*x* on name and description', () => ({ '00100010': '*smi*', '00081030': '*knee*' })],
  ['rare modality', () => ({ '00080061': 'OPT' })],
  ['modality in a month', (run) => ({ '00080061': 'MR', '00080020': `2022${month(run)}01-2022${month(run)}28` })],
  ['fuzzy name', () => ({ '00100010': 'joh smi' }), { fuzzy: true }],
  ['patients by name prefix', () => ({ '00100010': 'smith*' }), { level: 'patient' }],
  ['patients by *x*', () => ({ '00100010': '*rcia*' }), { level: 'patient' }],
  ['series of a study', (run) => ({ '0020000D': `1.2.3.${(run * 7919) % studies}` }), { level: 'series' }],
  ['page at offset 10,000', () => ({}), { offset: 10_000 }],
];

const store = await SqliteMetadataStore.open({ file });
try {
  await fill();
  await measureSearches();
} finally {
  await store.close();
  if (values.folder === undefined) await rm(folder, { recursive: true });
}

async function fill(): Promise<void> {
  if (await holdsStudies()) return;
  const started = performance.now();
  const cpu = process.cpuUsage();
  for (const batch of aMillionStudies(studies, instances, BATCH)) await store.recordReceipts(scope, batch);
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const receipts = studies * instances;
  console.log(`${receipts} receipts of ${studies} studies in ${seconds.toFixed(0)} s: ${(receipts / seconds).toFixed(0)}/s,`);
  console.log(
    `${((user + system) / receipts).toFixed(0)} µs CPU each, making them included; file ${((await stat(file)).size / 1e6).toFixed(0)} MB`,
  );
}

async function holdsStudies(): Promise<boolean> {
  return (await store.tenants(scope)).length > 0;
}

async function measureSearches(): Promise<void> {
  const planner = new QueryPlanner(store);
  console.log('| search (limit 101 unless said) | p50 ms | p95 ms | answers |');
  console.log('|---|---|---|---|');
  for (const [title, keyOf, options] of SEARCHES) {
    const times: number[] = [];
    let answered = 0;
    for (let run = 0; run < RUNS; run++) {
      const keys = Object.entries(keyOf(run)).map(([tag, value]): QueryKey => ({ path: [tag], value }));
      const query: AttributeQuery = {
        level: 'study',
        keys,
        include: [],
        fuzzy: false,
        combineDateTime: true,
        limit: 101,
        offset: 0,
        ...options,
      };
      const started = performance.now();
      answered = Math.max(answered, (await planner.query(scope, query)).answers.length);
      times.push(performance.now() - started);
    }
    times.sort((a, b) => a - b);
    const at = (share: number): string => times[Math.floor(share * (RUNS - 1))]!.toFixed(2);
    console.log(`| ${title} | ${at(0.5)} | ${at(0.95)} | ${answered} |`);
  }
}

function month(run: number): string {
  return String(1 + (run % 12)).padStart(2, '0');
}
