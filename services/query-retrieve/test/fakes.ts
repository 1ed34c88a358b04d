import { CairnError, ChunkPool } from '@cairn/core';
import type { DicomJson, Scope } from '@cairn/core';
import type {
  AttributeQuery,
  InstanceRetriever,
  OpenManyOptions,
  OpenedInstance,
  OutgoingBulkData,
  OutgoingFrames,
  OutgoingInstance,
  QueryAnswers,
  QueryEngine,
} from '@cairn/archive';
import type { InstanceSelector, RetrievableInstance } from '@cairn/metadata-store';

export const EXPLICIT = '1.2.840.10008.1.2.1';
export const IMPLICIT = '1.2.840.10008.1.2';
export const J2K = '1.2.840.10008.1.2.4.90';

const CHUNK_BYTES = 1024 * 1024;

/** As the object store reads: buffers that were handed back are filled anew. */
const pool = new ChunkPool(1 << 24);

/** Remembers queries and answers with `answers`, in pages of the limit. */
export class FakeQueries implements QueryEngine {
  readonly asked: AttributeQuery[] = [];
  answers: readonly DicomJson[] = [];

  async query(_scope: Scope, query: AttributeQuery): Promise<QueryAnswers> {
    const bad = query.keys.find(({ value }) => value === 'malformed');
    if (bad) throw new CairnError('query.invalid-value', 'The value is malformed.', { details: { attribute: bad.path.at(-1)! } });
    this.asked.push(query);
    const start = query.after === undefined ? query.offset : Number(query.after.slice('row/'.length)) + 1;
    const page = this.answers.slice(start, start + query.limit);
    const answers = page.map((attributes, index) => ({ attributes, studyInstanceUid: '1.2', cursor: `row/${start + index}` }));
    return await Promise.resolve({ answers, more: start + page.length < this.answers.length });
  }
}

/** An instance that {@link FakeRetriever} holds. */
export interface FakeInstance {
  uid: string;
  transferSyntaxUid: string;
  bytes: Buffer;
  frames?: readonly Buffer[];
  mediaType?: string;
  bulk?: Readonly<Record<string, { bytes: Buffer; mediaType: string }>>;
  /** Opening it, or reading behind its first chunk, fails. */
  broken?: 'open' | 'read';
}

/** Holds instances of study 1.2, series 1.3. Uncompressed syntaxes are convertible into each other: the bytes get a prefix. */
export class FakeRetriever implements InstanceRetriever {
  instances: readonly FakeInstance[] = [];
  /** Instances opened and not read to their end or closed. */
  open = 0;
  /** Bytes of instances given so far. */
  givenBytes = 0;

  async select(_scope: Scope, selector: InstanceSelector): Promise<AsyncIterable<RetrievableInstance>> {
    const { studyInstanceUid, seriesInstanceUid = '1.3', sopInstanceUid } = selector;
    const known = studyInstanceUid === '1.2' && seriesInstanceUid === '1.3' ? this.instances : [];
    const found = known.filter(({ uid }) => sopInstanceUid === undefined || uid === sopInstanceUid);
    if (found.length === 0) throw new CairnError('archive.not-found', 'No such study, series or instance.');
    return await Promise.resolve(inOrder(found.map((instance) => retrievable(instance))));
  }

  canGive(stored: string, wanted: string): boolean {
    return wanted === '*' || wanted === stored || (isNative(stored) && isNative(wanted));
  }

  async openInstance(_scope: Scope, { sopInstanceUid }: RetrievableInstance, wanted: string): Promise<OutgoingInstance> {
    const instance = this.instances.find(({ uid }) => uid === sopInstanceUid)!;
    if (instance.broken === 'open') throw new CairnError('object-store.not-found', 'No object has this key.');
    const { transferSyntaxUid, bytes } = instance;
    const chunks = this.#counted(bytes, instance.broken === 'read');
    if (wanted === '*' || wanted === transferSyntaxUid)
      return await Promise.resolve({ transferSyntaxUid, sizeBytes: bytes.length, chunks });
    return { transferSyntaxUid: wanted, chunks: inOrder([Buffer.from('converted:'), bytes]) };
  }

  openDataSet(): Promise<OutgoingInstance> {
    throw new TypeError('not used over the web');
  }

  async *openMany(
    scope: Scope,
    instances: AsyncIterable<RetrievableInstance> | Iterable<RetrievableInstance>,
    options: OpenManyOptions,
  ): AsyncIterable<OpenedInstance> {
    for await (const instance of instances) {
      try {
        yield { instance, outgoing: await this.openInstance(scope, instance, options.wanted(instance)) };
      } catch (error) {
        yield { instance, error };
      }
    }
  }

  async metadata(scope: Scope, selector: InstanceSelector, base: string): Promise<AsyncIterable<string>> {
    const texts: string[] = [];
    for await (const { sopInstanceUid } of await this.select(scope, selector)) {
      texts.push(JSON.stringify({ '00080018': { vr: 'UI', Value: [sopInstanceUid] }, '7FE00010': { vr: 'OW', BulkDataURI: `${base}/x` } }));
    }
    return inOrder(texts);
  }

  async frames(scope: Scope, selector: Required<InstanceSelector>, numbers: readonly number[]): Promise<OutgoingFrames> {
    const instance = await this.#one(scope, selector);
    const frames = numbers.map((number) => {
      const bytes = instance.frames?.[number - 1];
      if (bytes === undefined) throw new CairnError('archive.frame-not-found', 'The instance has no such frame.');
      return {
        number,
        sizeBytes: bytes.length,
        open: (range?: { start: number; end?: number }) => inOrder([bytes.subarray(range?.start, range?.end)]),
      };
    });
    return { transferSyntaxUid: instance.transferSyntaxUid, mediaType: instance.mediaType ?? 'application/octet-stream', frames };
  }

  async bulkData(scope: Scope, selector: Required<InstanceSelector>, path: string): Promise<OutgoingBulkData | OutgoingFrames> {
    const instance = await this.#one(scope, selector);
    if (path === '7FE00010') return await this.frames(scope, selector, instance.frames?.map((_, index) => index + 1) ?? []);
    const value = instance.bulk?.[path];
    if (value === undefined) throw new CairnError('archive.bulk-data-not-found', 'The instance has no bulk data at this path.');
    const { bytes, mediaType } = value;
    const open = (range?: { start: number; end?: number }) => inOrder([bytes.subarray(range?.start, range?.end)]);
    return { vr: 'OB', mediaType, transferSyntaxUid: EXPLICIT, sizeBytes: bytes.length, open };
  }

  async #one(scope: Scope, selector: InstanceSelector): Promise<FakeInstance> {
    for await (const { sopInstanceUid } of await this.select(scope, selector))
      return this.instances.find(({ uid }) => uid === sopInstanceUid)!;
    throw new TypeError('select gives at least one');
  }

  async *#counted(bytes: Buffer, breaks: boolean): AsyncGenerator<Uint8Array> {
    this.open++;
    try {
      for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
        const piece = bytes.subarray(start, start + CHUNK_BYTES);
        const chunk = pool.take(piece.length);
        chunk.set(piece);
        this.givenBytes += chunk.length;
        yield chunk;
        await new Promise((resolve) => setImmediate(resolve));
        if (breaks) throw new CairnError('object-store.unavailable', 'The object became shorter.');
      }
    } finally {
      this.open--;
    }
  }
}

function isNative(transferSyntaxUid: string): boolean {
  return transferSyntaxUid === EXPLICIT || transferSyntaxUid === IMPLICIT;
}

async function* inOrder<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* await Promise.resolve(items);
}

function retrievable({ uid, transferSyntaxUid, bytes }: FakeInstance): RetrievableInstance {
  const source = { protocol: 'stow' as const };
  return {
    studyInstanceUid: '1.2',
    seriesInstanceUid: '1.3',
    sopInstanceUid: uid,
    version: {
      ulid: `ulid-${uid}-${bytes.length}`,
      transferSyntaxUid,
      sopClassUid: '1.5',
      sha256DataSet: '',
      sha256Meta: '',
      sha256Elements: '',
      sizeBytes: bytes.length,
      dataSetOffset: 132,
      location: { key: 'k', offset: 0, length: bytes.length },
      source,
      receipts: [{ ulid: '', source }],
    },
  };
}
