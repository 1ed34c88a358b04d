/** The table that a run prints. */
import type { Aim, Figures } from './aims.ts';
import { actual, AIMS, isMet, SERVICES_AIMS, speedRatio } from './aims.ts';
import type { Cost, Measurement } from './measurement.ts';
import { median } from './statistics.ts';

const HEADINGS = [
  'measured',
  'Orthanc',
  'Cairn',
  'times as good',
  'aims',
  'server CPU: Orthanc',
  'Cairn',
  'peak MiB above idle: Orthanc',
  'Cairn',
];
const SERVICES_HEADINGS = [
  'measured',
  'Orthanc',
  'standalone',
  'services',
  'services/standalone',
  'aims',
  'server CPU: standalone',
  'services',
  'infrastructure',
  'CPU of both/standalone',
  'peak MiB above idle: standalone',
  'services',
  'infrastructure',
];
const AIM_TEXT: Readonly<Record<Aim['what'], (bound: number) => string>> = {
  speed: (bound) => `≥ ${bound}×`,
  cpu: (bound) => `CPU ≤ ${bound}×`,
  growth: (bound) => `≤ ${bound}× of the small archive`,
  memory: (bound) => `≤ ${bound} MiB`,
  value: (bound) => `≤ ${bound} ms`,
};

/** A Markdown table of all figures, Cairn beside Orthanc, each with its aims; what is missing shows as n/a. */
export function renderTable(cairn: Figures, orthanc: Figures): string {
  const keys = [...new Set([...cairn.keys(), ...orthanc.keys()])];
  const rows = keys.map((key) => {
    const ours = cairn.get(key);
    const theirs = orthanc.get(key);
    return [
      (ours ?? theirs)?.label ?? key,
      figure(theirs),
      figure(ours),
      times(speedRatio(key, cairn, orthanc)),
      aimsOf(AIMS, key, cairn, orthanc),
      cpu(theirs),
      cpu(ours),
      memory(theirs),
      memory(ours),
    ];
  });
  return table(HEADINGS, rows);
}

/** A Markdown table of Cairn as services beside itself standalone: a ratio below 1× in speed, above in CPU, is the cost of distribution. */
export function renderServicesTable({ services, cairn, orthanc }: { services: Figures; cairn: Figures; orthanc: Figures }): string {
  const rows = [...services].map(([key, distributed]) => {
    const alone = cairn.get(key);
    const { unit, infra } = distributed;
    return [
      distributed.label,
      figure(orthanc.get(key)),
      figure(alone),
      figure(distributed),
      times(speedRatio(key, services, cairn)),
      aimsOf(SERVICES_AIMS, key, services, orthanc),
      cpu(alone),
      cpu(distributed),
      infra ? cpu({ ...infra, unit }) : '',
      alone?.cpu !== undefined && distributed.cpu !== undefined ? times((distributed.cpu + (infra?.cpu ?? 0)) / alone.cpu) : '',
      memory(alone),
      memory(distributed),
      memory(infra),
    ];
  });
  return table(SERVICES_HEADINGS, rows);
}

function table(headings: readonly string[], rows: readonly string[][]): string {
  return [headings, headings.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** One line: how many aims were met, missed, and could not be judged. */
export function renderVerdict(cairn: Figures, orthanc: Figures): string {
  const values = AIMS.filter((aim) => cairn.has(aim.key)).map((aim) => ({ aim, value: actual(aim, cairn, orthanc) }));
  const judged = values.flatMap(({ aim, value }) => (value === undefined ? [] : [isMet(aim, value)]));
  const met = judged.filter(Boolean).length;
  return `aims: ${met} met, ${judged.length - met} missed, ${values.length - judged.length} not judged`;
}

function aimsOf(aims: readonly Aim[], key: string, cairn: Figures, orthanc: Figures): string {
  const texts = aims
    .filter((aim) => aim.key === key)
    .map((aim) => {
      const value = actual(aim, cairn, orthanc);
      const verdict = value === undefined ? 'n/a' : `${isMet(aim, value) ? 'met' : '**missed**'} (${number(value)})`;
      return `${AIM_TEXT[aim.what](aim.bound)} ${verdict}`;
    });
  return texts.join('; ');
}

function figure(measurement: Measurement | undefined): string {
  return measurement ? `${number(median(measurement.rounds))} ${measurement.unit}` : 'n/a';
}

function times(ratio: number | undefined): string {
  return ratio === undefined ? 'n/a' : `${number(ratio)}×`;
}

function cpu(measurement: (Cost & Pick<Measurement, 'unit'>) | undefined): string {
  if (measurement?.cpu === undefined) return '';
  const isOfRequests = measurement.unit === 'ms' || measurement.unit === 'req/s';
  return `${number(measurement.cpu)} ${isOfRequests ? 'ms a request' : 's/GB'}`;
}

function memory(measurement: Cost | undefined): string {
  return measurement?.memoryMib === undefined ? '' : String(Math.round(measurement.memoryMib));
}

/** Three significant digits, without an exponent. */
function number(value: number): string {
  if (!Number.isFinite(value)) return 'n/a';
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
