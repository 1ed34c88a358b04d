import { CairnError } from '@cairn/core';
import type { Logger, Scope } from '@cairn/core';
import { TRANSFER_SYNTAXES, inflateDataSet } from '@cairn/dicom';
import type { Span } from '@cairn/dicom';
import type { MetadataStore, ObjectLocation, RetrievableInstance } from '@cairn/metadata-store';
import type { ObjectStore } from '@cairn/object-store';
import { cutSpans } from './byte-streams.ts';
import type { Bytes } from './byte-streams.ts';

/** What a retrieve needs of the object store. */
export type ObjectReader = Pick<ObjectStore, 'get'>;

/** What a retrieve needs of the index. */
export type InstanceIndex = Pick<MetadataStore, 'instances' | 'instance'>;

/** Reads stored instances by position, wherever their bytes lie. */
export class StoredBytes {
  readonly #objects: ObjectReader;
  readonly #metadata: InstanceIndex;
  readonly #logger: Logger;

  constructor(objects: ObjectReader, metadata: InstanceIndex, logger: Logger) {
    this.#objects = objects;
    this.#metadata = metadata;
    this.#logger = logger;
  }

  /** False when an instance's stored bytes end before `end`; how far a deflated data set reaches is known only by inflating. */
  reaches({ version }: RetrievableInstance, end: number): boolean {
    return isDeflated(version.transferSyntaxUid) || end <= version.location.length;
  }

  /**
   * Opens the bytes [start, end) of an instance as stored; resolves when they are open. An object that is gone is looked up once
   * more, for its duplicate may have been collected since the index was read; `object-store.not-found` when that fails too.
   */
  async open(scope: Scope, instance: RetrievableInstance, start: number, end: number, signal?: AbortSignal): Promise<Bytes> {
    const { location } = instance.version;
    try {
      return await this.#get(scope, location, start, end, signal);
    } catch (error) {
      if (!CairnError.is(error, 'object-store.not-found')) throw error;
      const moved = await this.#locateAgain(scope, instance);
      if (moved === undefined || moved.key === location.key) {
        this.#logger.error({ ulid: instance.version.ulid, key: location.key }, 'retrieve.object-missing');
        throw error;
      }
      return await this.#get(scope, moved, start, end, signal);
    }
  }

  /**
   * The bytes of ascending spans in the coordinates of the index: from the stored object's first byte or, where the data set is
   * deflated, from that of the prefix with the inflated data set after it. One read, whatever the number of spans.
   */
  async *read(scope: Scope, instance: RetrievableInstance, spans: readonly Span[], signal?: AbortSignal): Bytes {
    const wanted = spans.filter(([, length]) => length > 0);
    const last = wanted.at(-1);
    if (last === undefined) return;
    const { dataSetOffset, location, transferSyntaxUid } = instance.version;
    if (isDeflated(transferSyntaxUid)) {
      const deflated = await this.open(scope, instance, dataSetOffset, location.length, signal);
      yield* cutSpans(inflateDataSet(deflated), dataSetOffset, wanted);
      return;
    }
    const start = wanted[0]![0];
    yield* cutSpans(await this.open(scope, instance, start, last[0] + last[1], signal), start, wanted);
  }

  async #get(scope: Scope, location: ObjectLocation, start: number, end: number, signal?: AbortSignal): Promise<Bytes> {
    if (start === end) return noBytes();
    if (end > location.length)
      throw new CairnError('object-store.invalid-range', 'The range ends outside the instance.', { details: { end } });
    const range = { start: location.offset + start, end: location.offset + end };
    return (await this.#objects.get(scope, location.key, range, signal)).chunks;
  }

  async #locateAgain(scope: Scope, instance: RetrievableInstance): Promise<ObjectLocation | undefined> {
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid, version } = instance;
    const document = await this.#metadata.instance(scope, { studyInstanceUid, seriesInstanceUid, sopInstanceUid });
    return document?.versions.find(
      ({ sha256DataSet, transferSyntaxUid }) => sha256DataSet === version.sha256DataSet && transferSyntaxUid === version.transferSyntaxUid,
    )?.location;
  }
}

function isDeflated(transferSyntaxUid: string): boolean {
  return TRANSFER_SYNTAXES.get(transferSyntaxUid)?.deflated === true;
}

async function* noBytes(): Bytes {}
