import { createHash } from 'node:crypto';
import { CairnError, recycleChunk, silentLogger } from '@cairn/core';
import type { Logger, Scope } from '@cairn/core';
import type { InstanceDocument, InstanceVersion, MetadataStore, QueryRow } from '@cairn/metadata-store';
import { StoredBytes } from '../retrieve/stored-bytes.ts';
import type { ObjectReader } from '../retrieve/stored-bytes.ts';
import { FAILURE_REASON } from './commitment.ts';
import type { InstanceReference } from './commitment.ts';

/** Instances looked up by one query. */
const LOOKUP_SIZE = 100;
const SOP_INSTANCE_UID = '00080018';

/** What an {@link InstanceVerifier} reads. */
export interface VerifierPorts {
  objectStore: ObjectReader;
  metadataStore: Pick<MetadataStore, 'query' | 'instances' | 'instance'>;
  logger?: Logger;
}

/** Tells whether instances are kept, by their stored bytes: what the index says is only where to look. */
export class InstanceVerifier {
  readonly #metadata: VerifierPorts['metadataStore'];
  readonly #stored: StoredBytes;

  constructor({ objectStore, metadataStore, logger = silentLogger }: VerifierPorts) {
    this.#metadata = metadataStore;
    this.#stored = new StoredBytes(objectStore, metadataStore, logger);
  }

  /** What the index holds under each SOP Instance UID: in several series where a sender used it twice. */
  async find(scope: Scope, sopInstanceUids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, InstanceDocument[]>> {
    const found = new Map<string, InstanceDocument[]>();
    for (let at = 0; at < sopInstanceUids.length; at += LOOKUP_SIZE) {
      for await (const { instance } of this.#rows(scope, sopInstanceUids.slice(at, at + LOOKUP_SIZE), signal)) {
        if (instance !== undefined) found.set(instance.sopInstanceUid, [...(found.get(instance.sopInstanceUid) ?? []), instance]);
      }
    }
    return found;
  }

  /**
   * Why an instance cannot be committed, undefined when it can: every version of it is read back and has the digests with which it
   * was received, for which of them the requestor sent is not known. An outage of a store is thrown.
   */
  async failureOf(
    scope: Scope,
    { sopClassUid }: InstanceReference,
    instances: readonly InstanceDocument[],
    signal: AbortSignal,
  ): Promise<number | undefined> {
    if (instances.length === 0) return FAILURE_REASON.noSuchInstance;
    const ofClass = instances.filter(({ versions }) => versions.some((version) => version.sopClassUid === sopClassUid));
    if (ofClass.length === 0) return FAILURE_REASON.classInstanceConflict;
    for (const instance of ofClass) {
      for (const version of instance.versions) {
        if (!(await this.#isIntact(scope, instance, version, signal))) return FAILURE_REASON.processingFailure;
      }
    }
    return undefined;
  }

  async *#rows(scope: Scope, values: readonly string[], signal: AbortSignal): AsyncGenerator<QueryRow> {
    const clauses = [{ kind: 'equals' as const, path: [SOP_INSTANCE_UID] as const, vr: 'UI', values, folded: false }];
    const plan = { level: 'instance' as const, clauses, limit: LOOKUP_SIZE, offset: 0, withHeader: false, withPatient: false };
    let page = await this.#metadata.query(scope, plan, signal);
    for (;;) {
      yield* page.rows;
      const after = page.rows.at(-1)?.cursor;
      if (!page.more || after === undefined) return;
      page = await this.#metadata.query(scope, { ...plan, after }, signal);
    }
  }

  async #isIntact(scope: Scope, instance: InstanceDocument, version: InstanceVersion, signal: AbortSignal): Promise<boolean> {
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = instance;
    const retrievable = { studyInstanceUid, seriesInstanceUid, sopInstanceUid, version };
    try {
      return await hasDigests(await this.#stored.open(scope, retrievable, 0, version.location.length, signal), version);
    } catch (error) {
      if (signal.aborted || !CairnError.is(error) || error.retriable) throw error;
      return false;
    }
  }
}

async function hasDigests(chunks: AsyncIterable<Uint8Array>, version: InstanceVersion): Promise<boolean> {
  const meta = createHash('sha256');
  const dataSet = createHash('sha256');
  let metaLeft = version.dataSetOffset;
  for await (const chunk of chunks) {
    const cut = Math.min(metaLeft, chunk.length);
    meta.update(chunk.subarray(0, cut));
    dataSet.update(chunk.subarray(cut));
    metaLeft -= cut;
    recycleChunk(chunk);
  }
  return meta.digest('hex') === version.sha256Meta && dataSet.digest('hex') === version.sha256DataSet;
}
