import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { makeTempDir } from '@cairn/testing';
import { archiveProcesses } from './processes.ts';
import { REPOSITORY, SHAPE, SHAPES } from './shape.ts';
import type { ShapeName } from './shape.ts';

const COMMAND = join(REPOSITORY, 'services/standalone/bin/cairn.mjs');
const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 60_000;

/** How an archive is started. */
export interface ArchiveOptions {
  /** Default: the one that this run of the suites is about. */
  shape?: ShapeName;
  /** Default: a new folder, removed by {@link Archive.dispose}. */
  dataDir?: string;
  /** Further settings. */
  env?: Readonly<Record<string, string>>;
}

/** A finished command. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Where an archive is spoken to. */
export interface Doors {
  dicomPort: number;
  /** `http://127.0.0.1:port` */
  origin: string;
  /** `<origin>/dicom-web` */
  webUrl: string;
}

/** The built archive, running and ready. */
export interface Archive extends Doors {
  aeTitle: string;
  dataDir: string;
  pid: number;
  /** Its processes, all that it started included. */
  pids: () => number[];
  /** Keys of the instances that its object store holds. */
  storedObjects: () => Promise<string[]>;
  /** What its object store has begun and not finished. */
  unfinishedObjects: () => Promise<string[]>;
  /** What it printed so far. */
  output: () => { stdout: string; stderr: string };
  /** Resolves when the process is gone. */
  exited: Promise<Exit>;
  /** SIGTERM, and SIGKILL when it does not end within a minute. */
  stop(): Promise<Exit>;
  /** kill -9 of all its processes. */
  kill(): Promise<Exit>;
  /** Stops it and removes a folder that it was given by default. */
  dispose(): Promise<void>;
}

/** Starts the built archive on free ports and waits until `/health/ready` answers 200. Throws with its output when it ends before. */
export async function startArchive(options: ArchiveOptions = {}): Promise<Archive> {
  const folder = options.dataDir === undefined ? await makeTempDir() : undefined;
  const dataDir = options.dataDir ?? folder!.path;
  const shape = SHAPES[options.shape ?? SHAPE];
  const ports = { CAIRN_DICOM_PORT: '0', CAIRN_HTTP_PORT: '0' };
  const program = launch(shape.command, { CAIRN_DATA_DIR: dataDir, ...ports, ...shape.environment(dataDir), ...options.env });
  const announced = await announcement(program);
  await ready(program, announced.origin);
  const stop = async (): Promise<Exit> => {
    program.child.kill('SIGTERM');
    const last = setTimeout(() => program.child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    const exit = await program.exited;
    clearTimeout(last);
    return exit;
  };
  return {
    ...announced,
    webUrl: `${announced.origin}/dicom-web`,
    dataDir,
    pid: program.child.pid!,
    pids: () => archiveProcesses(program.child.pid!),
    storedObjects: () => shape.storedObjects(dataDir),
    unfinishedObjects: () => shape.unfinishedObjects(dataDir),
    output: program.output,
    exited: program.exited,
    stop,
    kill: () => {
      for (const pid of archiveProcesses(program.child.pid!)) killHard(pid);
      return program.exited;
    },
    dispose: async () => {
      await stop();
      await folder?.remove();
    },
  };
}

/** The process may have ended by itself. */
function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Runs a command of the built program to its end, `rebuild-index` for example. */
export function runCairn(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Exit> {
  return launch([COMMAND, ...args], env).exited;
}

/** Starts the archive in the shape of this run, to end by itself: its configuration is wrong, or something that it needs is missing. */
export function runStart(dataDir: string, env: Readonly<Record<string, string>>): Promise<Exit> {
  const shape = SHAPES[SHAPE];
  return launch(shape.command, { CAIRN_DATA_DIR: dataDir, ...shape.environment(dataDir), ...env }).exited;
}

interface Program {
  child: ChildProcess;
  output: () => { stdout: string; stderr: string };
  exited: Promise<Exit>;
}

function launch(args: readonly string[], env: Readonly<Record<string, string>>): Program {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('CAIRN_') && name !== 'NODE_OPTIONS');
  const child = spawn(process.execPath, args, {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  const endWithTheTests = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithTheTests);
  const exited = new Promise<Exit>((resolve) =>
    child.once('close', (code, signal) => {
      process.removeListener('exit', endWithTheTests);
      resolve({ code, signal, stdout, stderr });
    }),
  );
  return { child, exited, output: () => ({ stdout, stderr }) };
}

/** Reads the first lines that the program prints. */
async function announcement(program: Program): Promise<Pick<Archive, 'aeTitle' | 'dicomPort' | 'origin'>> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const { stdout } = program.output();
    const aeTitle = /AE title:?\s+(\S+)/i.exec(stdout)?.[1];
    const dicomPort = /DICOM port:?\s+(\d+)/i.exec(stdout)?.[1];
    const origin = /(http:\/\/\S+)\/dicom-web\s/.exec(stdout)?.[1];
    if (aeTitle && dicomPort && origin) return { aeTitle, dicomPort: Number(dicomPort), origin };
    await aMoment(program, deadline);
  }
}

async function ready(program: Program, origin: string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const answer = await fetch(`${origin}/health/ready`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.status === 200) return;
    await aMoment(program, deadline);
  }
}

/** Waits a little; throws with what was printed when the program has ended or the time is over. */
async function aMoment(program: Program, deadline: number): Promise<void> {
  const pause = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 25));
  const exit = await Promise.race([program.exited, pause]);
  if (exit === undefined && Date.now() < deadline) return;
  program.child.kill('SIGKILL');
  const { stdout, stderr } = program.output();
  throw new Error(`The archive did not start (${exit ? `exit ${exit.code}` : 'timeout'}).\n${stdout}\n${stderr}`);
}
