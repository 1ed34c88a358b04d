import { join } from 'node:path';
import { DuplicateCollector, Indexer, IngestPipeline, JournalWriter, LandingReconciler } from '@cairn/archive';
import type { IngestObserver, IngestOptions, InstanceReceiver, ReceiveRequest, StoredInstance } from '@cairn/archive';
import { ALL_TENANTS, UlidFactory, silentLogger, systemScope } from '@cairn/core';
import type { Logger, Scope } from '@cairn/core';
import type { EventBus } from '@cairn/event-bus';
import { SqliteEventBus } from '@cairn/event-bus/sqlite';
import type { IndexDocument, MetadataStore } from '@cairn/metadata-store';
import { SqliteMetadataStore } from '@cairn/metadata-store/sqlite';
import type { ObjectStore } from '@cairn/object-store';
import { FilesystemObjectStore } from '@cairn/object-store/filesystem';
import { makeTempDir } from '@cairn/testing';

export const scope = systemScope('default');
export const other = systemScope('other');
const everyone = systemScope(ALL_TENANTS);

/** Parts of the archive on embedded adapters in a folder of their own. */
export interface Archive {
  folder: string;
  objectStore: ObjectStore;
  metadataStore: MetadataStore;
  eventBus: EventBus;
  ulids: UlidFactory;
  pipeline: IngestPipeline;
  indexer: Indexer;
  journal: JournalWriter;
  /** Lines logged as warnings or errors. */
  logged: { event: string; fields: object }[];
  reconciler(longestReceiveMs?: number, now?: () => number): LandingReconciler;
  collector(graceMs?: number): DuplicateCollector;
  /** Subscribes the indexer; without it, what is received stays unindexed. */
  startIndexer(): Promise<void>;
  /** Resolves when everything received is indexed. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** What a test puts in the place of the usual parts. */
export interface ArchiveParts {
  ulids?: UlidFactory;
  options?: IngestOptions;
  observer?: IngestObserver;
  objectStore?: (store: ObjectStore) => ObjectStore;
  eventBus?: (bus: EventBus) => EventBus;
  /** False: the test needs no index, whose worker threads take a while to start. */
  index?: boolean;
}

export async function anArchive(parts: ArchiveParts = {}): Promise<Archive> {
  const folder = await makeTempDir();
  const fileStore = await FilesystemObjectStore.open({ folder: folder.path });
  const objectStore = parts.objectStore?.(fileStore) ?? fileStore;
  const sqliteBus = await SqliteEventBus.open({ file: join(folder.path, 'events.sqlite') });
  const eventBus = parts.eventBus?.(sqliteBus) ?? sqliteBus;
  const index = parts.index === false ? undefined : await SqliteMetadataStore.open({ file: join(folder.path, 'index.sqlite') });
  const metadataStore = index ?? noIndex();
  const ulids = parts.ulids ?? new UlidFactory();
  const logged: Archive['logged'] = [];
  const logger = recordingLogger(logged);
  const indexer = new Indexer({ objectStore, metadataStore, eventBus, logger });
  const journal = new JournalWriter({ objectStore, metadataStore, ulids });
  const pipeline = new IngestPipeline(
    { objectStore, eventBus, ulids, logger, ...(parts.observer === undefined ? {} : { observer: parts.observer }) },
    parts.options ?? {},
  );
  return {
    folder: folder.path,
    objectStore,
    metadataStore,
    eventBus,
    ulids,
    pipeline,
    indexer,
    journal,
    logged,
    reconciler: (longestReceiveMs, now) =>
      new LandingReconciler(
        { objectStore, metadataStore, indexer, logger },
        {
          tenants: ['default'],
          ...(longestReceiveMs === undefined ? {} : { longestReceiveMs }),
          ...(now === undefined ? {} : { now }),
        },
      ),
    collector: (graceMs = 0) =>
      new DuplicateCollector({ objectStore, metadataStore, journal, logger }, { graceMs, now: () => Date.now() + 1000 }),
    startIndexer: async () => {
      await eventBus.subscribe(everyone, 'ingest.v1', 'indexer', (events) => indexer.handle(events), { retryDelayMs: 1 });
    },
    settled: async () => {
      await pipeline.close();
      while ((await eventBus.lag(everyone, 'ingest.v1', 'indexer')) > 0) await new Promise((resolve) => setImmediate(resolve));
    },
    close: async () => {
      await pipeline.close();
      await eventBus.close();
      await index?.close();
      await fileStore.close();
      await folder.remove();
    },
  };
}

/** Receives one file and gives what was stored; a refusal fails the test. */
export async function store(receiver: InstanceReceiver, file: Uint8Array, where: Scope = scope): Promise<StoredInstance> {
  const outcome = await receiver.receive(where, request(), chunked(file));
  if (outcome.kind === 'refused') throw outcome.error;
  return outcome.instance;
}

export function request(more: Partial<ReceiveRequest> = {}): ReceiveRequest {
  return { source: { protocol: 'dimse', callingAet: 'CT1', calledAet: 'CAIRN', address: '127.0.0.1' }, ...more };
}

export async function* chunked(file: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < file.length; start += size) yield file.subarray(start, start + size);
}

export async function contentOf(store: ObjectStore, key: string, where: Scope = scope): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const chunk of (await store.get(where, key)).chunks) pieces.push(chunk);
  return Buffer.concat(pieces);
}

export async function keysOf(store: ObjectStore, prefix = 'landing/default/', where: Scope = scope): Promise<string[]> {
  return (await all(store.list(where, prefix))).map(({ key }) => key);
}

export function documentsOf(store: MetadataStore, where: Scope = scope): Promise<IndexDocument[]> {
  return all(store.exportDocuments(where));
}

export async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

function noIndex(): MetadataStore {
  return new Proxy({} as MetadataStore, { get: (_, name) => () => Promise.reject(new Error(`no index: ${String(name)}`)) });
}

function recordingLogger(logged: Archive['logged']): Logger {
  const record = (fields: object, event: string): void => void logged.push({ event, fields });
  return { ...silentLogger, warn: record, error: record };
}
