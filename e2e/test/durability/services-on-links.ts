import { serverForTests } from '@cairn/infra';
import type { RunningServer } from '@cairn/infra';
import { startServices } from '@cairn/services';
import type { RunningServices } from '@cairn/services';
import { FaultProxy } from '@cairn/testing';
import type { Doors } from '../harness/archive.ts';

/** What SIGTERM leaves to associations and requests under way. */
export const DRAIN_MS = 5000;

/** A server and the link by which the services reach it. */
export interface LinkedServer {
  server: RunningServer;
  link: FaultProxy;
}

/** What the services stand on. */
export interface LinkedServers {
  kafka: LinkedServer;
  mongodb: LinkedServer;
  seaweedfs: LinkedServer;
}

/** Servers of this test alone, each behind a link. Undefined where one cannot be had, or is a real installation that nobody may kill. */
export async function startLinkedServers(): Promise<LinkedServers | undefined> {
  const kafkaLink = await FaultProxy.start();
  const [kafka, mongodb, seaweedfs] = await Promise.all([
    serverForTests('kafka', { proxyPort: kafkaLink.port }),
    serverForTests('mongodb'),
    serverForTests('seaweedfs'),
  ]);
  if (kafka?.ours !== true || mongodb?.ours !== true || seaweedfs?.ours !== true) {
    await Promise.all([kafkaLink.close(), ...[kafka, mongodb, seaweedfs].map((server) => server?.stop())]);
    return undefined;
  }
  kafkaLink.target = kafka.addressForProxy;
  return {
    kafka: { server: kafka, link: kafkaLink },
    mongodb: { server: mongodb, link: await FaultProxy.start(mongodb.addressForProxy) },
    seaweedfs: { server: seaweedfs, link: await FaultProxy.start(seaweedfs.addressForProxy) },
  };
}

/** Ends servers and links. */
export async function stopLinkedServers(servers: LinkedServers): Promise<void> {
  const all = Object.values(servers) as LinkedServer[];
  await Promise.all(all.map(({ link }) => link.close()));
  await Promise.all(all.map(({ server }) => server.stop()));
}

/** Starts two replicas of every service, which know the servers by their links only. */
export async function startServicesOn({ kafka, mongodb, seaweedfs }: LinkedServers, dataDir: string): Promise<RunningServices> {
  // That servers exist already is told by the environment of the process itself.
  Object.assign(process.env, {
    KAFKA_BROKERS: kafka.link.address,
    MONGODB_URI: `mongodb://${mongodb.link.address}/?directConnection=true`,
    S3_ENDPOINT: `http://${seaweedfs.link.address}`,
  });
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('CAIRN_') && name !== 'NODE_OPTIONS');
  return startServices({
    ...Object.fromEntries(inherited),
    ...seaweedfs.server.environment,
    CAIRN_DATA_DIR: dataDir,
    CAIRN_HTTP_PORT: '0',
    CAIRN_DICOM_PORT: '0',
    CAIRN_LOG_LEVEL: 'silent',
    CAIRN_REPLICAS: 'dicom-gateway=2,ingest=2,indexer=2,query-retrieve=2',
    CAIRN_DRAIN_TIMEOUT_S: `${DRAIN_MS / 1000}`,
    // What a killed replica had not announced is found soon.
    CAIRN_RECONCILE_INTERVAL_S: '5',
  });
}

/** Where the services are spoken to. */
export function doorsOf({ origin, reach }: RunningServices): Doors {
  return { origin, webUrl: reach.dicomWebUrl, dicomPort: reach.dicomPort };
}
