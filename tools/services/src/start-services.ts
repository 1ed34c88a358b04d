import { join } from 'node:path';
import { SAMPLE_BOUNDARY, SAMPLE_FILE, createTopics, openDataFolder, startPage, writeSample } from '@cairn/composition';
import type { DataFolder, Reach } from '@cairn/composition';
import { loadConfig } from '@cairn/config';
import type { CairnConfig } from '@cairn/config';
import { CairnError, silentLogger } from '@cairn/core';
import { Unavailable, startServer } from '@cairn/infra';
import type { RunningServer } from '@cairn/infra';
import { openDoors } from './doors.ts';
import type { Doors } from './doors.ts';
import { SERVICES, parseReplicas } from './replicas.ts';
import type { Replicas } from './replicas.ts';
import { INFRASTRUCTURE, serviceEnvironment } from './service-environment.ts';
import type { Environment } from './service-environment.ts';
import { ServiceProcess } from './service-process.ts';

/** The archive as services, all live. */
export interface RunningServices {
  reach: Reach;
  /** `http://127.0.0.1:8080` */
  origin: string;
  /** Every replica of every service; one that dies is started again, one that `kill()` ended only by `restart()`. */
  processes: readonly ServiceProcess[];
  infra: readonly RunningServer[];
  /** Drains the services, then ends the infrastructure. */
  stop(): Promise<void>;
}

/**
 * Starts the infrastructure with its data in CAIRN_DATA_DIR (or uses what `MONGODB_URI`, `KAFKA_BROKERS` and `S3_ENDPOINT` name), every
 * service as processes of its own as CAIRN_REPLICAS says, and the doors in front of them. `environment` holds the archive's settings and
 * what else the processes inherit. Resolves when all are live; `/health/ready` tells when they are ready.
 *
 * @example
 * const archive = await startServices({ ...process.env, CAIRN_HTTP_PORT: '0', CAIRN_DICOM_PORT: '0', CAIRN_REPLICAS: 'indexer=2' });
 * await archive.processes[0].kill();
 * await archive.stop();
 */
export async function startServices(environment: Environment): Promise<RunningServices> {
  const config = loadConfig(environment);
  const replicas = parseReplicas(environment['CAIRN_REPLICAS']);
  const data = openDataFolder(config.CAIRN_DATA_DIR);
  const parts: Parts = { processes: [], infra: [] };
  const stop = async (): Promise<void> => {
    parts.doors?.stopListening();
    await stopProcesses(parts.processes);
    parts.doors?.close();
    await Promise.all(parts.infra.map((server) => server.stop()));
    data.release();
  };
  try {
    return { ...(await start({ config, environment, replicas, data }, parts)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What a stop has to end. */
interface Parts {
  processes: ServiceProcess[];
  infra: RunningServer[];
  doors?: Doors;
}

interface Start {
  config: CairnConfig;
  environment: Environment;
  replicas: Replicas;
  data: DataFolder;
}

async function start({ config, environment, replicas, data }: Start, parts: Parts): Promise<Omit<RunningServices, 'stop'>> {
  const { processes, infra } = parts;
  const balancesDicom = replicas['dicom-gateway'] > 1;
  let page = '';
  const doors = await openDoors({ config, processes, startPage: () => page, balancesDicom });
  parts.doors = doors;
  await startInfrastructure(data, infra);
  const shared = serviceEnvironment(config, environment, infra);
  await createTopics(loadConfig(shared), silentLogger);
  const direct = { environment: { ...shared, CAIRN_HOST: config.CAIRN_HOST }, dicomPort: doors.dicomPort, tlsPort: doors.tlsPort };
  for (const service of SERVICES) {
    const hasOwnPorts = service === 'dicom-gateway' && !balancesDicom;
    const options = {
      ...(hasOwnPorts ? direct : { environment: shared }),
      service,
      hasTls: doors.tlsPort !== undefined,
      drainMs: config.CAIRN_DRAIN_TIMEOUT_S * 1000,
    };
    for (let replica = 0; replica < replicas[service]; replica++) processes.push(new ServiceProcess({ ...options, replica }));
  }
  await settled(processes.map((process_) => process_.start()));
  const host = config.CAIRN_HOST.includes(':') ? `[${config.CAIRN_HOST}]` : config.CAIRN_HOST;
  const origin = `http://${host}:${doors.httpPort}`;
  const reach = reachOf(config, data, { origin, doors });
  page = startPage(reach);
  return { reach, origin, processes, infra };
}

/** Starts all servers; `started` gets those that came up also when another did not. */
async function startInfrastructure(data: DataFolder, started: RunningServer[]): Promise<void> {
  try {
    await settled(
      INFRASTRUCTURE.map(async (name) => {
        started.push(await startServer(name, { dataDir: data.folder(name) }));
      }),
    );
  } catch (error) {
    if (error instanceof Unavailable)
      throw new CairnError('runtime.start-failed', `A server cannot be had: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Waits for all; throws the first failure. */
async function settled(work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason;
}

/** The doors' services first, so that the indexer takes what they announce last. */
async function stopProcesses(processes: readonly ServiceProcess[]): Promise<void> {
  const isIndexer = ({ service }: ServiceProcess): boolean => service === 'indexer';
  await Promise.all(processes.filter((process_) => !isIndexer(process_)).map((process_) => process_.stop()));
  await Promise.all(processes.filter(isIndexer).map((process_) => process_.stop()));
}

function reachOf(config: CairnConfig, data: DataFolder, { origin, doors }: { origin: string; doors: Doors }): Reach {
  return {
    aeTitle: config.CAIRN_AE_TITLE,
    dicomHost: config.CAIRN_HOST,
    dicomPort: doors.dicomPort,
    ...(doors.tlsPort === undefined ? {} : { dicomTlsPort: doors.tlsPort }),
    dicomWebUrl: `${origin}/dicom-web`,
    dataFolder: data.path,
    sampleFolder: writeSample(join(data.path, 'sample')),
    sampleFile: SAMPLE_FILE,
    sampleBoundary: SAMPLE_BOUNDARY,
  };
}
