import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CairnError } from '@cairn/core';
import { freePorts } from '@cairn/infra';
import type { ServiceName } from './replicas.ts';

const CAIRN = join(import.meta.dirname, '../../../services/standalone/bin/cairn.mjs');
/** Those of the program's first line. */
const NODE_OPTIONS = ['--max-semi-space-size=8', '--no-memory-protection-keys'];
const LIVE_WITHIN_MS = 60_000;
const MOST_STARTS = 3;
/** sysexits.h EX_CONFIG. */
const EXIT_CONFIG = 78;
const POLL_MS = 50;
const FIRST_BACK_OFF_MS = 250;
const MAX_BACK_OFF_MS = 10_000;
/** A process that ran for so long is not failing at its start. */
const HEALTHY_AFTER_MS = 30_000;
/** Beyond the drain time, until it is killed. */
const STOP_GRACE_MS = 10_000;

/** What a {@link ServiceProcess} is started with. */
export interface ServiceProcessOptions {
  service: ServiceName;
  /** 0, 1, … */
  replica: number;
  environment: Readonly<Record<string, string | undefined>>;
  /** Ports of the DICOM listeners that must stay the same over restarts; without them free ones of its own. */
  dicomPort?: number;
  tlsPort?: number | undefined;
  hasTls: boolean;
  drainMs: number;
}

/** One replica of a service: a process that is started again when it dies, after a pause that grows, as Kubernetes does. */
export class ServiceProcess {
  readonly service: ServiceName;
  readonly replica: number;
  readonly #options: ServiceProcessOptions;
  #child: ChildProcess | undefined;
  #ports: { http: number; dicom: number; tls: number } = { http: 0, dicom: 0, tls: 0 };
  #startedMs = 0;
  #backOffMs = FIRST_BACK_OFF_MS;
  #restarting: NodeJS.Timeout | undefined;
  /** False: it stays down when it ends. */
  #wanted = false;
  #launches = 0;

  constructor(options: ServiceProcessOptions) {
    this.service = options.service;
    this.replica = options.replica;
    this.#options = options;
  }

  /** `ingest-0` and the like. */
  get name(): string {
    return `${this.service}-${this.replica}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** False from the moment it is to end: while it drains it gets no new connections. */
  get isRunning(): boolean {
    return this.#wanted && this.#child !== undefined;
  }

  get httpPort(): number {
    return this.#ports.http;
  }

  get dicomPort(): number {
    return this.#ports.dicom;
  }

  get tlsPort(): number {
    return this.#ports.tls;
  }

  /**
   * Starts it; resolves when it is live. One that ends before is tried again, for another program may have taken one of its free ports; in the
   * end → `runtime.start-failed`, or `config.invalid` when that was its reason.
   */
  async start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      this.#wanted = true;
      const child = await this.#launch();
      if (child !== undefined && (await this.#becomesLive(child))) return;
      const isStopped = !this.#wanted;
      await this.kill();
      const code = child?.exitCode === EXIT_CONFIG ? 'config.invalid' : 'runtime.start-failed';
      if (isStopped || code === 'config.invalid' || attempt === MOST_STARTS)
        throw new CairnError(code, `The service ${this.name} ended at its start.`);
    }
  }

  /** Ends it without a warning; it stays down until {@link restart}. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Ends it if it runs, and starts it again; resolves when it is live. */
  async restart(): Promise<void> {
    await this.#end('SIGTERM');
    await this.start();
  }

  /** Lets it drain; one that does not end in time is killed. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async #becomesLive(child: ChildProcess): Promise<boolean> {
    const deadline = Date.now() + LIVE_WITHIN_MS;
    while (!(await this.#isLive())) {
      if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) return false;
      await delay(POLL_MS);
    }
    return true;
  }

  /** Undefined when it is not wanted any more. */
  async #launch(): Promise<ChildProcess | undefined> {
    const { service, environment, dicomPort, tlsPort, hasTls } = this.#options;
    const [http, dicom, tls] = (await freePorts(3)) as [number, number, number];
    if (!this.#wanted) return undefined;
    this.#ports = { http, dicom: dicomPort ?? dicom, tls: tlsPort ?? tls };
    const child = spawn(process.execPath, [...NODE_OPTIONS, CAIRN, service], {
      env: {
        ...environment,
        CAIRN_HTTP_PORT: `${http}`,
        CAIRN_DICOM_PORT: `${this.#ports.dicom}`,
        ...(hasTls ? { CAIRN_DICOM_TLS_PORT: `${this.#ports.tls}` } : {}),
        // A failpoint kills once.
        ...(this.#launches > 0 ? { CAIRN_FAILPOINT: undefined } : {}),
      },
      // By the channel it notices that this process is gone, and ends too.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#launches += 1;
    this.#startedMs = Date.now();
    this.#child = child;
    child.once('exit', () => {
      this.#child = undefined;
      if (this.#wanted) this.#restartLater();
    });
    return child;
  }

  #restartLater(): void {
    if (Date.now() - this.#startedMs > HEALTHY_AFTER_MS) this.#backOffMs = FIRST_BACK_OFF_MS;
    this.#restarting = setTimeout(() => void this.#launch(), this.#backOffMs);
    this.#backOffMs = Math.min(MAX_BACK_OFF_MS, this.#backOffMs * 2);
  }

  async #isLive(): Promise<boolean> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.#ports.http}/health/live`, { signal: AbortSignal.timeout(1_000) });
      await answer.body?.cancel();
      return answer.ok;
    } catch {
      return false;
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#wanted = false;
    clearTimeout(this.#restarting);
    const child = this.#child;
    if (child === undefined) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    const last = setTimeout(() => child.kill('SIGKILL'), this.#options.drainMs + STOP_GRACE_MS);
    await exited;
    clearTimeout(last);
  }
}
