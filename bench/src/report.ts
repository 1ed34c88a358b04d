/** The table that a run prints. */
import type { Aim, Figures } from './aims.ts';
import { actual, AIMS, isMet, speedRatio } from './aims.ts';
import type { Measurement } from './measurement.ts';
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
    const ratio = speedRatio(key, cairn, orthanc);
    return [
      (ours ?? theirs)?.label ?? key,
      figure(theirs),
      figure(ours),
      ratio === undefined ? 'n/a' : `${number(ratio)}×`,
      aimsOf(key, cairn, orthanc),
      cpu(theirs),
      cpu(ours),
      memory(theirs),
      memory(ours),
    ];
  });
  return [HEADINGS, HEADINGS.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** One line: how many aims were met, missed, and could not be judged. */
export function renderVerdict(cairn: Figures, orthanc: Figures): string {
  const values = AIMS.filter((aim) => cairn.has(aim.key)).map((aim) => ({ aim, value: actual(aim, cairn, orthanc) }));
  const judged = values.flatMap(({ aim, value }) => (value === undefined ? [] : [isMet(aim, value)]));
  const met = judged.filter(Boolean).length;
  return `aims: ${met} met, ${judged.length - met} missed, ${values.length - judged.length} not judged`;
}

function aimsOf(key: string, cairn: Figures, orthanc: Figures): string {
  const texts = AIMS.filter((aim) => aim.key === key).map((aim) => {
    const value = actual(aim, cairn, orthanc);
    const verdict = value === undefined ? 'n/a' : `${isMet(aim, value) ? 'met' : '**missed**'} (${number(value)})`;
    return `${AIM_TEXT[aim.what](aim.bound)} ${verdict}`;
  });
  return texts.join('; ');
}

function figure(measurement: Measurement | undefined): string {
  return measurement ? `${number(median(measurement.rounds))} ${measurement.unit}` : 'n/a';
}

function cpu(measurement: Measurement | undefined): string {
  if (measurement?.cpu === undefined) return '';
  return `${number(measurement.cpu)} ${measurement.unit === 'ms' ? 'ms a request' : 's/GB'}`;
}

function memory(measurement: Measurement | undefined): string {
  return measurement?.memoryMib === undefined ? '' : String(Math.round(measurement.memoryMib));
}

/** Three significant digits, without an exponent. */
function number(value: number): string {
  if (!Number.isFinite(value)) return 'n/a';
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
