/** What Cairn aims at, each bound against Orthanc in the same run unless it is absolute. */
import type { Measurement } from './measurement.ts';
import { median } from './statistics.ts';

/** Figures of one server by key. */
export type Figures = ReadonlyMap<string, Measurement>;

/** One bound on one measurement. */
export interface Aim {
  readonly key: string;
  /**
   * `speed`: how many times as good as Orthanc; `cpu`: server CPU against Orthanc's; `growth`: our latency against our own at the
   * smaller size; `memory`: MiB above idle; `value`: the figure itself.
   */
  readonly what: 'speed' | 'cpu' | 'growth' | 'memory' | 'value';
  readonly bound: number;
}

const QIDO_FLAT = ['patient', 'date', 'name-limit', 'page', 'series', 'instances'];

/** All aims. */
export const AIMS: readonly Aim[] = [
  { key: 'store.ct.1', what: 'speed', bound: 2 },
  { key: 'store.ct.4', what: 'speed', bound: 3 },
  { key: 'store.ct.4', what: 'cpu', bound: 0.5 },
  { key: 'stow.ct', what: 'speed', bound: 2.5 },
  ...['patient', 'date', 'series'].map((query): Aim => ({ key: `qido.large.${query}`, what: 'speed', bound: 30 })),
  ...['name', 'page'].map((query): Aim => ({ key: `qido.large.${query}`, what: 'speed', bound: 100 })),
  ...QIDO_FLAT.map((query): Aim => ({ key: `qido.large.${query}`, what: 'growth', bound: 1.5 })),
  { key: 'wado.metadata', what: 'speed', bound: 5 },
  { key: 'wado.series', what: 'speed', bound: 0.7 },
  { key: 'wado.series', what: 'memory', bound: 400 },
  { key: 'wado.frame', what: 'speed', bound: 2 },
  { key: 'multiframe.first', what: 'speed', bound: 100 },
  { key: 'multiframe.last', what: 'speed', bound: 100 },
  { key: 'get.series', what: 'speed', bound: 1 },
  { key: 'visible.p99', what: 'value', bound: 1000 },
];

/** Aims of Cairn as services: what was acknowledged is seen by searches, under the load of C-STORE, within two seconds. */
export const SERVICES_AIMS: readonly Aim[] = [{ key: 'visible.p99', what: 'value', bound: 2000 }];

/** How many times as good as Orthanc (or another server) the figure is: rates divide, latencies divide the other way; undefined without it. */
export function speedRatio(key: string, cairn: Figures, orthanc: Figures): number | undefined {
  const ours = cairn.get(key);
  const theirs = orthanc.get(key);
  if (!ours || !theirs) return undefined;
  const ratio = median(ours.rounds) / median(theirs.rounds);
  return ours.unit === 'ms' ? 1 / ratio : ratio;
}

/** The aimed-at quantity of this run; undefined when a figure for it is missing. */
export function actual(aim: Aim, cairn: Figures, orthanc: Figures): number | undefined {
  const ours = cairn.get(aim.key);
  if (!ours) return undefined;
  switch (aim.what) {
    case 'speed':
      return speedRatio(aim.key, cairn, orthanc);
    case 'cpu':
      return quotient(ours.cpu, orthanc.get(aim.key)?.cpu);
    case 'growth':
      return quotient(median(ours.rounds), median(cairn.get(aim.key.replace('.large.', '.small.'))?.rounds ?? []));
    case 'memory':
      return ours.memoryMib;
    case 'value':
      return median(ours.rounds);
  }
}

/** Of speed, more is better; of all else, less. */
export function isMet(aim: Aim, value: number): boolean {
  return aim.what === 'speed' ? value >= aim.bound : value <= aim.bound;
}

function quotient(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a / b;
}
