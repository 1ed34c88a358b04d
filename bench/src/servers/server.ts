/** A server under test: started on free ports with an empty data folder, watched through /proc, and stopped. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DicomAddress } from '../load/association.ts';
import { cpuSecondsOf, peakRssMibOf, processTree, resetPeakRss, rssMibOf } from './process-tree.ts';

/** Which server. */
export type ServerName = 'orthanc' | 'cairn' | 'services';

/** How a product is started. */
export interface Product {
  readonly name: ServerName;
  /** The command for these ports and this empty folder, and the path that answers 200 when the server is ready. */
  command(ports: Ports, folder: string): { file: string; args: readonly string[]; env: Readonly<Record<string, string | undefined>> };
  readonly readyPath: string;
  readonly aeTitle: string;
  /** Tells a process of the infrastructure that the product brings from its own, by the command line. */
  isInfrastructure?(this: void, commandLine: string): boolean;
  /** Processes of each service, where there is a choice. */
  readonly replicas?: number;
}

/** What a group of processes has used. */
export interface Usage {
  /** User and system time since the start. */
  readonly cpuSeconds: number;
  /** Highest resident memory since the last reset, in MiB. */
  readonly peakMib: number;
}

/** A figure of the server's own processes, and of the infrastructure that it brings. */
export interface Parts<T> {
  readonly own: T;
  readonly infra?: T;
}

/** Where the server shall listen. */
export interface Ports {
  readonly http: number;
  readonly dicom: number;
}

const READY_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 60_000;
const IDLE_DEADLINE_MS = 120_000;
const IDLE_SAMPLE_MS = 400;
/** With a broker between its parts a server pauses where it polls: longer than that. */
const IDLE_SAMPLE_WITH_INFRASTRUCTURE_MS = 1200;
/** A server that used less of a core than this in one sample, above what it uses with nothing to do, has finished its deferred work. */
const IDLE_CORES = 0.0625;
/** How long a server with infrastructure settles after its start, and is then watched for what it uses with nothing to do. */
const SETTLE_MS = 8000;
const BASELINE_MS = 4000;

/** A started server. */
export class Server {
  readonly name: ServerName;
  readonly httpPort: number;
  readonly dicom: DicomAddress;
  readonly replicas: number;
  /** Memory after start, before any request, in MiB. */
  idleMib: Parts<number> = { own: 0 };
  /** Share of a core that the processes use with nothing to do; measured where there is infrastructure, zero else. */
  idleCores: Parts<number> = { own: 0 };
  readonly #isInfrastructure: Product['isInfrastructure'];
  readonly #child: ChildProcess;
  readonly #pid: number;

  private constructor(product: Product, ports: Ports, child: ChildProcess) {
    this.name = product.name;
    this.httpPort = ports.http;
    this.replicas = product.replicas ?? 1;
    this.#isInfrastructure = product.isInfrastructure;
    this.dicom = { port: ports.dicom, aeTitle: product.aeTitle };
    this.#child = child;
    this.#pid = child.pid ?? 0;
  }

  /** Starts the product in a new folder below `workFolder` and waits until it is ready and idle; throws with its last lines when it ends. */
  static async start(product: Product, workFolder: string): Promise<Server> {
    const folder = mkdtempSync(join(workFolder, `${product.name}-`));
    const ports = { http: await freePort(), dicom: await freePort() };
    const { file, args, env } = product.command(ports, folder);
    const logFile = join(folder, 'bench.log');
    const log = openSync(logFile, 'a');
    const child = spawn(file, args, { cwd: folder, env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', log, log] });
    closeSync(log);
    const server = new Server(product, ports, child);
    await server.#ready(product.readyPath, logFile);
    if (product.isInfrastructure) await server.#learnIdleCores();
    await server.untilIdle();
    server.idleMib = mapParts(server.#processes(), rssMibOf);
    return server;
  }

  usage(): Parts<Usage> {
    return mapParts(this.#processes(), (pids) => ({ cpuSeconds: cpuSecondsOf(pids), peakMib: peakRssMibOf(pids) }));
  }

  resetPeakRss(): void {
    resetPeakRss(processTree(this.#pid));
  }

  /** Waits until work that the server does after its answers (indexing, clean-up) has ended, so that its CPU time is counted. */
  async untilIdle(): Promise<void> {
    const deadline = Date.now() + IDLE_DEADLINE_MS;
    const sampleMs = this.#isInfrastructure ? IDLE_SAMPLE_WITH_INFRASTRUCTURE_MS : IDLE_SAMPLE_MS;
    const idleCores = this.idleCores.own + (this.idleCores.infra ?? 0) + IDLE_CORES;
    for (let before = this.#cpuSeconds(); Date.now() < deadline;) {
      await sleep(sampleMs);
      const after = this.#cpuSeconds();
      if (after - before < (idleCores * sampleMs) / 1000) return;
      before = after;
    }
  }

  /**
   * SIGTERM, after a deadline SIGKILL. Its files stay until the whole run ends: ext4 searches long for a free inode where many files
   * were deleted in the last half minute, which would be put down to the next server.
   */
  async stop(): Promise<void> {
    if (this.#hasEnded()) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const killer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_DEADLINE_MS);
    await ended;
    clearTimeout(killer);
  }

  #processes(): Parts<readonly number[]> {
    const all = processTree(this.#pid);
    if (!this.#isInfrastructure) return { own: all };
    const own = processTree(this.#pid, this.#isInfrastructure);
    return { own, infra: all.filter((pid) => !own.includes(pid)) };
  }

  #cpuSeconds(): number {
    return cpuSecondsOf(processTree(this.#pid));
  }

  /** Brokers and databases are never quite still. */
  async #learnIdleCores(): Promise<void> {
    await sleep(SETTLE_MS);
    const before = this.usage();
    await sleep(BASELINE_MS);
    const { own, infra } = this.usage();
    const cores = (now: Usage | undefined, then: Usage | undefined): number =>
      ((now?.cpuSeconds ?? 0) - (then?.cpuSeconds ?? 0)) / (BASELINE_MS / 1000);
    this.idleCores = { own: cores(own, before.own), infra: cores(infra, before.infra) };
  }

  #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async #ready(path: string, logFile: string): Promise<void> {
    let failure: Error | undefined;
    this.#child.once('error', (error) => (failure = error));
    const deadline = Date.now() + READY_DEADLINE_MS;
    while (Date.now() < deadline) {
      if (failure) throw failure;
      if (this.#hasEnded()) break;
      const answer = await fetch(`http://127.0.0.1:${this.httpPort}${path}`).catch(() => undefined);
      await answer?.arrayBuffer();
      if (answer?.ok) return;
      await sleep(100);
    }
    await this.stop();
    throw new Error(`${this.name} did not become ready:\n${lastLines(logFile)}`);
  }
}

/** Does the same with both parts. */
function mapParts<T, R>({ own, infra }: Parts<T>, what: (part: T) => R): Parts<R> {
  return { own: what(own), ...(infra === undefined ? {} : { infra: what(infra) }) };
}

function lastLines(logFile: string): string {
  return readFileSync(logFile, 'utf8').split('\n').slice(-15).join('\n');
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
