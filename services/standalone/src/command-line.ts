import { loadConfig } from '@cairn/config';
import type { CairnConfig } from '@cairn/config';
import { CairnError, armFailpoint, errorMessage, systemErrorCode } from '@cairn/core';
import { createLogger, startTracing } from '@cairn/telemetry';

/** The environment as `process.env` gives it. */
type Environment = Readonly<Record<string, string | undefined>>;

/** A command: what it does in one line, and how it runs. Resolves to the exit code. */
interface Command {
  usage: string;
  summary: string;
  run(config: CairnConfig, operands: readonly string[]): Promise<number>;
}

/** sysexits.h EX_CONFIG: the configuration is wrong. */
const EXIT_CONFIG = 78;
/** sysexits.h EX_USAGE: the command line is wrong. */
const EXIT_USAGE = 64;

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  [
    'start',
    {
      usage: 'start',
      summary: 'run the archive in one process, with embedded storage where no other is configured',
      run: async (config) => (await import('./commands/start.ts')).start(config),
    },
  ],
  [
    'dicom-gateway',
    {
      usage: 'dicom-gateway',
      summary: 'run the DICOM listener as a service; this and the following three need S3, MongoDB and Kafka',
      run: async (config) => (await import('@cairn/dicom-gateway/main')).run(config),
    },
  ],
  [
    'ingest',
    {
      usage: 'ingest',
      summary: 'run STOW-RS as a service',
      run: async (config) => (await import('@cairn/ingest/main')).run(config),
    },
  ],
  [
    'indexer',
    {
      usage: 'indexer',
      summary: 'run the indexer as a service',
      run: async (config) => (await import('@cairn/indexer/main')).run(config),
    },
  ],
  [
    'query-retrieve',
    {
      usage: 'query-retrieve',
      summary: 'run QIDO-RS and WADO-RS as a service',
      run: async (config) => (await import('@cairn/query-retrieve/main')).run(config),
    },
  ],
  [
    'create-topics',
    {
      usage: 'create-topics',
      summary: 'make the Kafka topics that are missing',
      run: async (config) => (await import('./commands/create-topics.ts')).createTopicsCommand(config),
    },
  ],
  [
    'rebuild-index',
    {
      usage: 'rebuild-index',
      summary: 'make the index anew from the stored objects and the journal; the archive must be stopped',
      run: async (config) => (await import('./commands/rebuild-index.ts')).rebuildIndexCommand(config),
    },
  ],
  [
    'sample',
    {
      usage: 'sample [FOLDER]',
      summary: 'write a small sample study to send (default: the data folder’s `sample`)',
      run: async (config, [folder]) => (await import('./commands/sample.ts')).sample(config, folder),
    },
  ],
]);

/** Runs the command line; every failure is one line on standard error, never a stack. Resolves to the exit code. */
export async function runCommandLine(parameters: readonly string[], environment: Environment): Promise<number> {
  const [name = 'help', ...operands] = parameters;
  if (['help', '--help', '-h'].includes(name) || operands.includes('--help')) {
    process.stdout.write(help());
    return 0;
  }
  const command = COMMANDS.get(name);
  if (command === undefined) {
    process.stderr.write(`cairn: there is no command "${printable(name)}"; try "cairn help"\n`);
    return EXIT_USAGE;
  }
  try {
    const config = loadConfig(environment);
    arm(config.CAIRN_FAILPOINT);
    const serviceName = name === 'start' ? 'cairn' : `cairn-${name}`;
    const stopTracing = await startTracing(serviceName, environment, createLogger(config.CAIRN_LOG_LEVEL));
    try {
      return await command.run(config, operands);
    } finally {
      await stopTracing();
    }
  } catch (error) {
    process.stderr.write(`cairn: ${oneLine(error)}\n`);
    return CairnError.is(error, 'config.invalid') ? EXIT_CONFIG : 1;
  }
}

function help(): string {
  const lines = [...COMMANDS.values()].map(({ usage, summary }) => `  cairn ${usage.padEnd(16)} ${summary}`);
  return [
    'Cairn, an archive for medical images.',
    '',
    ...lines,
    '',
    'Settings come from the environment and the file that CAIRN_CONFIG names: docs/reference/config.md',
    '',
  ].join('\n');
}

function arm(setting: string | undefined): void {
  if (setting === undefined) return;
  const [name = '', hit = '1'] = setting.split(':', 2);
  armFailpoint(name, Number(hit));
}

function oneLine(error: unknown): string {
  if (CairnError.is(error)) return error.message;
  const code = systemErrorCode(error);
  const message = errorMessage(error) ?? 'unexpected failure';
  return printable(code === undefined || message.includes(code) ? message : `${code}: ${message}`);
}

function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, 400);
}
