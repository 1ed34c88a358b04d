import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from './ports.ts';
import { endProcess, isAlive, removeRecord, startOf, writeRecord } from './process-records.ts';
import type { ProcessRecord } from './process-records.ts';
import { S3_ACCOUNT } from './s3-request.ts';
import type { ServerDefinition, ServerName, ServerPlace } from './server-definition.ts';

const READY_WITHIN_MS = 90_000;
const POLL_MS = 50;

/** A server to talk to. */
export interface RunningServer {
  readonly name: ServerName;
  /** S3 endpoint, MongoDB URI or Kafka brokers. */
  readonly address: string;
  /** `host:port` for a proxy to forward to; undefined for a real installation. */
  readonly addressForProxy?: string;
  /** The environment by which programs reach it. */
  readonly environment: Readonly<Record<string, string>>;
  /** False for a real installation named by the environment, which nobody may kill or restart. */
  readonly ours: boolean;
  /** Ends it and removes a temporary data folder. */
  stop(): Promise<void>;
  /** Ends it without a warning; data and ports stay for {@link restart}. */
  kill9(): Promise<void>;
  /** Ends it if it runs, and starts it again on its data and ports; resolves when it can be written and read. */
  restart(): Promise<void>;
}

/** Where a process keeps its things and who ends it. */
export interface ProcessPlace {
  installed: string;
  folder: string;
  temporary: boolean;
  /** False: it outlives this process, as `infra up` wants it. */
  owned: boolean;
  /** Of a proxy before it. */
  proxyPort?: number;
}

/** A server started here. */
export class ServerProcess implements RunningServer {
  readonly ours = true;
  readonly #definition: ServerDefinition;
  readonly #place: ServerPlace;
  readonly #process: ProcessPlace;
  #record: ProcessRecord | undefined;

  private constructor(definition: ServerDefinition, process_: ProcessPlace, ports: readonly number[]) {
    this.#definition = definition;
    this.#process = process_;
    const { installed, folder, proxyPort } = process_;
    this.#place = { installed, dataDir: join(folder, 'data'), ports, ...(proxyPort === undefined ? {} : { proxyPort }) };
  }

  /** Starts it on free ports; once more on others when it does not come up. */
  static async start(definition: ServerDefinition, place: ProcessPlace): Promise<ServerProcess> {
    const first = new ServerProcess(definition, place, await freePorts(definition.portCount));
    try {
      await first.#launch();
      return first;
    } catch {
      await first.#end('SIGKILL');
      const second = new ServerProcess(definition, place, await freePorts(definition.portCount));
      await second.#launch();
      return second;
    }
  }

  get name(): ServerName {
    return this.#definition.name;
  }

  get address(): string {
    return this.#definition.address(this.#place.ports);
  }

  get addressForProxy(): string {
    return this.#definition.addressForProxy?.(this.#place.ports) ?? `127.0.0.1:${this.#place.ports[0]}`;
  }

  get environment(): Readonly<Record<string, string>> {
    return environmentOf(this.#definition, this.address);
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
    if (this.#process.temporary) await rm(this.#process.folder, { recursive: true, force: true });
  }

  kill9(): Promise<void> {
    return this.#end('SIGKILL');
  }

  async restart(): Promise<void> {
    await this.#end('SIGTERM');
    await this.#launch();
  }

  async #launch(): Promise<void> {
    await mkdir(this.#place.dataDir, { recursive: true });
    await this.#definition.prepare(this.#place);
    this.#record = await this.#spawn();
    await this.#untilReady(this.#record);
  }

  async #spawn(): Promise<ProcessRecord> {
    const { file, args, env } = this.#definition.command(this.#place);
    const log = await open(this.#logPath(), 'a');
    try {
      const stdio = ['ignore', log.fd, log.fd] as const;
      const child = spawn(file, args, { detached: true, stdio: [...stdio], env: { ...process.env, ...env } });
      await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
      child.unref();
      const pid = child.pid!;
      const { folder, temporary, owned } = this.#process;
      const owner = owned ? { pid: process.pid, started: (await startOf(process.pid))! } : undefined;
      const record: ProcessRecord = {
        name: this.name,
        pid,
        started: (await startOf(pid)) ?? '',
        ...(owner === undefined ? {} : { owner }),
        address: this.address,
        folder,
        temporary,
      };
      await writeRecord(record);
      return record;
    } finally {
      await log.close();
    }
  }

  async #untilReady(record: ProcessRecord): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS;
    for (;;) {
      try {
        await this.#definition.check(this.address);
        return;
      } catch (error) {
        if (!(await isAlive(record))) throw new Error(`${this.name} ended at its start: ${await this.#lastLines()}`, { cause: error });
        if (Date.now() > deadline) throw new Error(`${this.name} was not ready in time.`, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const record = this.#record;
    if (record === undefined) return;
    this.#record = undefined;
    await endProcess(record, signal);
    await removeRecord(record);
    await this.#definition.cleanUp?.(this.#place);
  }

  async #lastLines(): Promise<string> {
    const text = await readFile(this.#logPath(), 'utf8').catch(() => '');
    return text.trim().split('\n').slice(-5).join('\n');
  }

  #logPath(): string {
    return join(this.#process.folder, 'server.log');
  }
}

/** The variables by which programs reach a server at this address. */
export function environmentOf(definition: ServerDefinition, address: string): Record<string, string> {
  if (definition.variable !== 'S3_ENDPOINT') return { [definition.variable]: address };
  const { accessKeyId, secretAccessKey } = S3_ACCOUNT;
  return { S3_ENDPOINT: address, AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
}
