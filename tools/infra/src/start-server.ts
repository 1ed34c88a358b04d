import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { sweepRecords } from './process-records.ts';
import type { ServerDefinition, ServerName } from './server-definition.ts';
import { ServerProcess } from './server-process.ts';
import type { RunningServer } from './server-process.ts';
import { kafka } from './servers/kafka.ts';
import { mongodb } from './servers/mongodb.ts';
import { seaweedfs } from './servers/seaweedfs.ts';
import { versitygw } from './servers/versitygw.ts';
import { Unavailable } from './toolchain.ts';

/** Every server by its name, those that are quick to get first. */
export const SERVERS: Readonly<Record<ServerName, ServerDefinition>> = { seaweedfs, versitygw, kafka, mongodb };

/** How a server is started. */
export interface StartOptions {
  /** Keeps the data there; default: a temporary folder that `stop` removes. */
  dataDir?: string;
  /** The server outlives this process; `infra down` ends it. Default false. */
  detached?: boolean;
  /**
   * A proxy on this loopback port stands between clients and the server and forwards to `addressForProxy`. Only Kafka has to know: it
   * tells clients where to connect.
   */
  proxyPort?: number;
}

/**
 * Gets, starts and checks a server on loopback, or answers for the real installation that `MONGODB_URI`, `KAFKA_BROKERS` or
 * `S3_ENDPOINT` names. It cannot be had here → {@link Unavailable}.
 *
 * @example
 * const server = await startServer('kafka');
 * await connect(server.address);
 * await server.stop();
 */
export async function startServer(name: ServerName, options: StartOptions = {}): Promise<RunningServer> {
  const definition = SERVERS[name];
  const address = process.env[definition.variable];
  if (address !== undefined && address !== '') return realInstallation(definition, address);
  await sweepRecords();
  const installed = await definition.install();
  const temporary = options.dataDir === undefined;
  const folder = resolve(options.dataDir ?? (await mkdtemp(join(tmpdir(), `cairn-${name}-`))));
  const { proxyPort, detached } = options;
  const place = { installed, folder, temporary, owned: detached !== true, ...(proxyPort === undefined ? {} : { proxyPort }) };
  return ServerProcess.start(definition, place);
}

/**
 * {@link startServer} for a test suite: undefined when the server cannot be had, so that the suite is skipped and counted. Where
 * CI=true that is an error, unless its registry no longer serves the pinned version.
 */
export async function serverForTests(name: ServerName, options: StartOptions = {}): Promise<RunningServer | undefined> {
  try {
    return await startServer(name, options);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    if (process.env['CI'] === 'true' && error.kind !== 'gone') throw error;
    process.stderr.write(`${name} is unavailable: ${error.message}\n`);
    return undefined;
  }
}

function realInstallation(definition: ServerDefinition, address: string): RunningServer {
  const refuse = async (): Promise<void> => {
    throw new Error(`${definition.variable} names a real installation, which tests do not end.`);
  };
  const { name, variable } = definition;
  return { name, address, environment: { [variable]: address }, ours: false, stop: async () => undefined, kill9: refuse, restart: refuse };
}
