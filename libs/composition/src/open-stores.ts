import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CairnConfig, SettingName } from '@cairn/config';
import { CairnError } from '@cairn/core';
import type { Logger } from '@cairn/core';
import type { EventBus } from '@cairn/event-bus';
import type { MetadataStore } from '@cairn/metadata-store';
import { countOperations } from '@cairn/object-store';
import type { ObjectStore } from '@cairn/object-store';
import type { Metrics } from '@cairn/telemetry';
import { openDataFolder } from './data-folder.ts';
import type { DataFolder } from './data-folder.ts';
import { openLater } from './late-store.ts';

const MIB = 1024 * 1024;

/** The three ports that everything stands on. */
export interface Stores {
  objectStore: ObjectStore;
  metadataStore: MetadataStore;
  eventBus: EventBus;
  /** The data folder, where one of them lies in it. */
  folder?: string;
  /** Closes all, then gives the data folder free. */
  close(): Promise<void>;
}

/**
 * Opens each store where the configuration places it: objects in S3 where a bucket is named, the index in MongoDB where a URI is, events
 * in Kafka where brokers are; otherwise in the data folder. Only the drivers in use are loaded. A folder or file that cannot be opened →
 * `runtime.start-failed`; servers may come later ({@link openLater}).
 */
export async function openStores(config: CairnConfig, { metrics, logger }: { metrics: Metrics; logger: Logger }): Promise<Stores> {
  const data = missingDistributed(config).length === 0 ? undefined : openDataFolder(config.CAIRN_DATA_DIR);
  const opened: { close(): Promise<void> }[] = [];
  const keep = async <T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> => {
    const store = await opening;
    opened.unshift(store);
    return store;
  };
  const close = async (): Promise<void> => {
    for (const store of opened.splice(0)) await store.close();
    data?.release();
  };
  try {
    const objects = await keep(openObjectStore(config, data, logger));
    const metadataStore = await keep(openMetadataStore(config, data, logger));
    const eventBus = await keep(openEventBus(config, data, { metrics, logger }));
    return {
      objectStore: countOperations(objects, (operation) => metrics.objectStoreOperations.inc({ operation })),
      metadataStore,
      eventBus,
      ...(data === undefined ? {} : { folder: data.path }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Throws `config.invalid` unless all stores are such that several processes can share them. */
export function requireDistributed(config: CairnConfig): void {
  const missing = missingDistributed(config);
  if (missing.length === 0) return;
  throw new CairnError('config.invalid', `Configuration: a service on its own also needs ${missing.join(' and ')}.`);
}

function missingDistributed(config: CairnConfig): SettingName[] {
  const missing: SettingName[] = [];
  if (config.CAIRN_S3_BUCKET === undefined) missing.push('CAIRN_S3_BUCKET');
  if (config.CAIRN_MONGODB_URI === undefined) missing.push('CAIRN_MONGODB_URI');
  if (config.CAIRN_KAFKA_BROKERS.length === 0) missing.push('CAIRN_KAFKA_BROKERS');
  return missing;
}

async function openObjectStore(config: CairnConfig, data: DataFolder | undefined, logger: Logger): Promise<ObjectStore> {
  const { CAIRN_S3_BUCKET: bucket } = config;
  if (bucket === undefined) {
    const { FilesystemObjectStore } = await import('@cairn/object-store/filesystem');
    return embedded('object store', data, (folder) => FilesystemObjectStore.open({ folder: folder.path }));
  }
  const { S3ObjectStore, UploadBudget } = await import('@cairn/object-store/s3');
  const { CAIRN_S3_ENDPOINT: endpoint, CAIRN_S3_REGION: region, CAIRN_S3_PATH_STYLE: pathStyle, CAIRN_S3_CA: caFile } = config;
  const options = {
    bucket,
    prefix: config.CAIRN_S3_PREFIX,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(pathStyle === undefined ? {} : { forcePathStyle: pathStyle }),
    ...(caFile === undefined ? {} : { ca: pem('CAIRN_S3_CA', caFile) }),
    requestChecksums: config.CAIRN_S3_REQUEST_CHECKSUMS,
    responseChecksums: config.CAIRN_S3_RESPONSE_CHECKSUMS,
    createBucket: config.CAIRN_S3_CREATE_BUCKET,
    uploadBudget: new UploadBudget(config.CAIRN_S3_UPLOAD_BUDGET_MIB * MIB),
  };
  return openLater<ObjectStore>({
    part: 'object store',
    open: async () => {
      const store = await S3ObjectStore.open(options);
      logger.info({ capabilities: store.capabilities }, 'object-store.opened');
      return store;
    },
    supports: { exactCreateOnly: false, byteOrder: false },
    unavailable: 'object-store.unavailable',
    logger,
  });
}

async function openMetadataStore(config: CairnConfig, data: DataFolder | undefined, logger: Logger): Promise<MetadataStore> {
  const { CAIRN_MONGODB_URI: uri, CAIRN_MONGODB_DATABASE: database } = config;
  if (uri === undefined) {
    const { SqliteMetadataStore } = await import('@cairn/metadata-store/sqlite');
    return embedded('index', data, (folder) => SqliteMetadataStore.open({ file: join(folder.folder('index'), 'index.sqlite') }));
  }
  const { MongoMetadataStore } = await import('@cairn/metadata-store/mongo');
  return openLater<MetadataStore>({
    part: 'index',
    open: async () => {
      try {
        return await MongoMetadataStore.open({ uri, database });
      } catch (error) {
        // The driver's own errors quote the URI, which may hold a password.
        if (CairnError.is(error)) throw error;
        throw new CairnError('metadata-store.unavailable', 'CAIRN_MONGODB_URI cannot be used.', { retriable: true });
      }
    },
    supports: { indexedContains: true },
    unavailable: 'metadata-store.unavailable',
    logger,
  });
}

async function openEventBus(
  config: CairnConfig,
  data: DataFolder | undefined,
  { metrics, logger }: { metrics: Metrics; logger: Logger },
): Promise<EventBus> {
  const observer = { buried: (topic: string, group: string) => metrics.deadLetters.inc({ topic, group }) };
  if (config.CAIRN_KAFKA_BROKERS.length === 0) {
    const { SqliteEventBus } = await import('@cairn/event-bus/sqlite');
    return embedded('event log', data, (folder) =>
      SqliteEventBus.open({ file: join(folder.folder('events'), 'events.sqlite'), logger, observer }),
    );
  }
  const { KafkaEventBus } = await import('@cairn/event-bus/kafka');
  return new KafkaEventBus({ brokers: config.CAIRN_KAFKA_BROKERS, prefix: config.CAIRN_KAFKA_PREFIX, logger, observer });
}

async function embedded<T>(part: string, data: DataFolder | undefined, open: (data: DataFolder) => Promise<T>): Promise<T> {
  if (data === undefined) throw new CairnError('internal.unexpected', `The ${part} has no data folder.`);
  try {
    return await open(data);
  } catch (error) {
    const reason = CairnError.is(error) ? error.message : 'unexpected failure';
    throw new CairnError('runtime.start-failed', `The ${part} cannot be opened: ${reason}`, { cause: error });
  }
}

function pem(name: SettingName, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CairnError('config.invalid', `Configuration: the file that ${name} names cannot be read.`, { cause: error });
  }
}
