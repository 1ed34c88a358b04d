import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { withLock } from './cache.ts';

const execute = promisify(execFile);
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Why a server cannot be had here. */
export class Unavailable extends Error {
  /** `gone`: its registry no longer serves the pinned version; `missing`: anything else, such as a toolchain or the network. */
  readonly kind: 'missing' | 'gone';

  constructor(kind: 'missing' | 'gone', reason: string) {
    super(reason);
    this.kind = kind;
  }
}

/** Runs a program to its end; a failure is thrown as {@link Unavailable} with the last line that it printed. */
export async function run(file: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<string> {
  try {
    return (await execute(file, args, { ...options, maxBuffer: MAX_OUTPUT_BYTES })).stdout;
  } catch (error) {
    throw new Unavailable('missing', `${file} ${args[0] ?? ''}: ${lastLine(error)}`);
  }
}

/** Like {@link run}; a failure whose output matches `gone` says that the registry does not have the version. */
export async function fetchWith(
  command: { file: string; args: readonly string[]; cwd?: string; env?: NodeJS.ProcessEnv },
  gone: RegExp,
): Promise<void> {
  const { file, args, ...options } = command;
  try {
    await execute(file, args, { ...options, maxBuffer: MAX_OUTPUT_BYTES });
  } catch (error) {
    const network = /timed? ?out|connection|name resolution|could not resolve|no route|refused/i.test(output(error));
    throw new Unavailable(gone.test(output(error)) && !network ? 'gone' : 'missing', `${file} ${args[0]}: ${lastLine(error)}`);
  }
}

/** Makes sure that a tool answers to `args`, installing the distribution's packages where that is possible (root on Debian). */
export async function requireTool(file: string, args: readonly string[], packages: readonly string[]): Promise<void> {
  if (await answers(file, args)) return;
  if (packages.length === 0) throw new Unavailable('missing', `${file} is not installed.`);
  if (process.getuid?.() !== 0 || !(await answers('apt-get', ['--version']))) {
    throw new Unavailable('missing', `${file} is not installed, and only root on Debian could install ${packages.join(', ')}.`);
  }
  await withLock('apt', async () => {
    await run('apt-get', ['update', '-q']);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], { env });
  });
  if (!(await answers(file, args))) throw new Unavailable('missing', `${packages.join(', ')} did not bring ${file}.`);
}

function answers(file: string, args: readonly string[]): Promise<boolean> {
  return execute(file, args).then(
    () => true,
    () => false,
  );
}

function output(error: unknown): string {
  const { stdout = '', stderr = '', message = '' } = error as { stdout?: string; stderr?: string; message?: string };
  return `${message}\n${stdout}\n${stderr}`;
}

function lastLine(error: unknown): string {
  return output(error).trim().split('\n').at(-1) ?? '';
}
