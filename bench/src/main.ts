/** `npm run bench`: Cairn and Orthanc side by side, with `--shape services` Cairn as services too. Progress goes to stderr, the result to stdout. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { StudyNumbers } from './data/studies.ts';
import type { Measurement } from './measurement.ts';
import { isIsolated, runIsolated } from './namespace.ts';
import type { Options } from './options.ts';
import { readOptions, USAGE } from './options.ts';
import { renderServicesTable, renderTable, renderVerdict } from './report.ts';
import { SECTIONS } from './sections/index.ts';
import type { SectionName } from './sections/section.ts';
import { cairn, cairnServices, findOrthanc } from './servers/products.ts';
import type { Product, ServerName } from './servers/server.ts';
import { Server } from './servers/server.ts';

const started = performance.now();

function progress(what: string): void {
  const seconds = Math.round((performance.now() - started) / 1000);
  process.stderr.write(`${String(seconds).padStart(5)} s  ${what}\n`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The products that this run can start, and what the reader must know of them. */
function productsOf(options: Options): { products: Product[]; conditions: string[] } {
  const conditions = [
    `${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown CPU'}; Node ${process.version}; loopback; medians of rounds`,
  ];
  const products: Product[] = [];
  const orthanc = findOrthanc();
  if (!options.servers.includes('orthanc')) conditions.push('Orthanc: left out');
  else if (!orthanc) conditions.push('Orthanc: not installed (Debian packages orthanc and orthanc-dicomweb)');
  else if (!isIsolated())
    conditions.push('Orthanc: left out, since it listens on every interface and no network namespace can be made here');
  else {
    products.push(orthanc.product);
    conditions.push(
      `Orthanc ${orthanc.version} with DICOMweb plugin, TCP_NODELAY on for HTTP and DIMSE, fsync on (its default), in the same network namespace`,
    );
  }
  if (options.servers.includes('cairn')) {
    const folder = options.profileFolder;
    products.push(cairn(folder === undefined ? '' : `--cpu-prof --cpu-prof-dir=${resolve(folder)}`));
    conditions.push(`Cairn as built, embedded defaults${folder === undefined ? '' : ', under the CPU profiler: slower'}`);
  }
  if (options.servers.includes('services')) {
    products.push(cairnServices());
    conditions.push(
      'Cairn as services: one process each on this machine, behind the doors of start:services, with Kafka, database and S3 server',
    );
  }
  if (options.quick) conditions.push('quick: small counts and archives, the aims are for a full run');
  return { products, conditions };
}

/** What a run found. */
interface Results {
  readonly figures: Record<ServerName, Map<string, Measurement>>;
  /** What each server uses with nothing to do, for people. */
  readonly idle: ReadonlyMap<ServerName, string>;
  readonly failures: readonly string[];
}

/** Every section on every product, one server at a time. A failed section is told and leaves its figures out. */
async function runAll(options: Options, products: readonly Product[], workFolder: string): Promise<Results> {
  const figures: Results['figures'] = { orthanc: new Map(), cairn: new Map(), services: new Map() };
  const idle = new Map<ServerName, string>();
  const failures: string[] = [];
  for (const section of options.sections) {
    for (const product of productsFor(section, products)) {
      try {
        const { measurements, withNothingToDo } = await runSection(section, product, options, workFolder);
        for (const measurement of measurements) figures[product.name].set(measurement.key, measurement);
        if (!idle.has(product.name)) idle.set(product.name, withNothingToDo);
      } catch (error) {
        failures.push(`${section} on ${product.name}: ${messageOf(error)}`);
        progress(`FAILED: ${failures.at(-1)}`);
      }
    }
  }
  return { figures, idle, failures };
}

/** Numbers of replicas are compared on servers of their own. */
function productsFor(section: SectionName, products: readonly Product[]): readonly Product[] {
  if (section !== 'replicas') return products;
  return products.some(({ name }) => name === 'services') ? [1, 2, 3].map(cairnServices) : [];
}

async function runSection(
  name: SectionName,
  product: Product,
  options: Options,
  workFolder: string,
): Promise<{ measurements: Measurement[]; withNothingToDo: string }> {
  progress(`${name}: starting ${product.name}`);
  const server = await Server.start(product, workFolder);
  try {
    const measurements = await SECTIONS[name]({
      server,
      scale: options.scale,
      studies: new StudyNumbers(),
      progress: (what) => progress(`${product.name}: ${what}`),
    });
    return { measurements, withNothingToDo: idleOf(server) };
  } finally {
    await server.stop();
  }
}

async function run(options: Options): Promise<number> {
  const { products, conditions } = productsOf(options);
  const workFolder = mkdtempSync(join(tmpdir(), 'cairn-bench-'));
  process.once('exit', () => rmSync(workFolder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  if (options.profileFolder !== undefined) mkdirSync(options.profileFolder, { recursive: true });

  const { figures, idle, failures } = await runAll(options, products, workFolder);
  const lines = [
    ...conditions.map((line) => `- ${line}`),
    `- with nothing to do: ${[...idle].map(([name, uses]) => `${name} ${uses}`).join(', ')}`,
    '',
    ...(figures.cairn.size + figures.orthanc.size > 0
      ? [renderTable(figures.cairn, figures.orthanc), '', renderVerdict(figures.cairn, figures.orthanc), '']
      : []),
    ...(figures.services.size > 0 ? [renderServicesTable(figures)] : []),
    ...failures.map((line) => `FAILED ${line}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (options.jsonFile !== undefined) {
    const json = {
      date: new Date().toISOString(),
      conditions,
      idle: Object.fromEntries(idle),
      failures,
      orthanc: [...figures.orthanc.values()],
      cairn: [...figures.cairn.values()],
      services: [...figures.services.values()],
    };
    writeFileSync(options.jsonFile, `${JSON.stringify(json, null, 2)}\n`);
  }
  return failures.length === 0 ? 0 : 1;
}

function idleOf({ idleMib, idleCores }: Server): string {
  const text = (mib: number, cores: number): string => `${Math.round(mib)} MiB and ${Math.round(cores * 100)} % of a core`;
  if (idleMib.infra === undefined) return `${Math.round(idleMib.own)} MiB`;
  return `${text(idleMib.own, idleCores.own)}, its infrastructure ${text(idleMib.infra, idleCores.infra ?? 0)}`;
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  let options: Options;
  try {
    options = readOptions(args);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n${USAGE}\n`);
    return 64;
  }
  const isolates = options.servers.includes('orthanc') && !isIsolated();
  return (isolates ? runIsolated() : undefined) ?? (await run(options));
}

process.exitCode = await main(process.argv.slice(2));
