/** The command line of the bench. */
import { parseArgs } from 'node:util';
import type { Scale } from './scale.ts';
import { FULL, QUICK } from './scale.ts';
import { SECTION_NAMES } from './sections/index.ts';
import type { SectionName } from './sections/section.ts';
import type { ServerName } from './servers/server.ts';

const SHAPES = ['standalone', 'services'] as const;
/** What runs beside each other in a shape. */
const SERVERS: Readonly<Record<(typeof SHAPES)[number], readonly ServerName[]>> = {
  standalone: ['orthanc', 'cairn'],
  services: ['orthanc', 'cairn', 'services'],
};

/** A run as asked for. */
export interface Options {
  readonly quick: boolean;
  readonly scale: Scale;
  readonly sections: readonly SectionName[];
  readonly servers: readonly ServerName[];
  readonly jsonFile: string | undefined;
  readonly profileFolder: string | undefined;
}

/** Printed by --help and after a wrong option. */
export const USAGE = `npm run bench -- [options]
  --shape <standalone|services>  services: Cairn as services too, beside itself standalone and Orthanc
  --quick                 small counts, about three minutes (as services ten)
  --only <a,b>            sections: ${SECTION_NAMES.join(', ')} (as services only)
  --server <a,b>          some of orthanc, cairn, services only
  --multi-frame-mib <n>   size of the big multi-frame (default 1536, quick 128)
  --json <file>           write all figures, every round included
  --profile <folder>      start Cairn with --cpu-prof and leave its profiles there`;

/** Reads the options; throws TypeError or RangeError with a message for the person who typed them. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      shape: { type: 'string', default: 'standalone' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      server: { type: 'string' },
      'multi-frame-mib': { type: 'string' },
      json: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const servers = SERVERS[oneOf(SHAPES, values.shape)];
  const sections = servers.includes('services') ? SECTION_NAMES : SECTION_NAMES.filter((name) => name !== 'replicas');
  const scale = values.quick ? QUICK : FULL;
  const mib = values['multi-frame-mib'];
  return {
    quick: values.quick,
    scale: mib === undefined ? scale : { ...scale, multiFrameBytes: positive(mib) * 2 ** 20 },
    sections: values.only === undefined ? sections : values.only.split(',').map((name) => oneOf(sections, name)),
    servers: values.server === undefined ? servers : values.server.split(',').map((name) => oneOf(servers, name)),
    jsonFile: values.json,
    profileFolder: values.profile,
  };
}

function oneOf<T extends string>(allowed: readonly T[], value: string): T {
  const found = allowed.find((name) => name === value);
  if (found === undefined) throw new RangeError(`"${value}" is none of ${allowed.join(', ')}`);
  return found;
}

function positive(value: string): number {
  const number = Number(value);
  if (!(number > 0)) throw new RangeError(`"${value}" is not a positive number`);
  return number;
}
