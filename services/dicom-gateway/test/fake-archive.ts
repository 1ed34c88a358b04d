import type {
  AttributeQuery,
  InstanceReceiver,
  InstanceRetriever,
  OpenManyOptions,
  OpenedInstance,
  OutgoingInstance,
  QueryAnswers,
  QueryEngine,
  ReceiveOutcome,
  ReceiveRequest,
} from '@cairn/archive';
import { CairnError } from '@cairn/core';
import type { DicomJson, Scope } from '@cairn/core';
import { decodeDataSet } from '@cairn/dicom';
import type { InstanceSelector, RetrievableInstance } from '@cairn/metadata-store';
import { dataSetOffset } from '@cairn/testing';
import type { PhantomInstance } from '@cairn/testing';

/** An instance of the fake, with its data set. */
export interface HeldInstance {
  instance: RetrievableInstance;
  dataSet: Buffer;
  json: DicomJson;
}

const UNCOMPRESSED = new Set(['1.2.840.10008.1.2', '1.2.840.10008.1.2.1']);
const KEY = { patient: '00100020', study: '0020000D', series: '0020000E', instance: '00080018' } as const;

/** The archive's ports over an array: exact and `*` matching of text, no conversion but in name. */
export class FakeArchive implements InstanceReceiver, QueryEngine, InstanceRetriever {
  readonly held: HeldInstance[] = [];
  readonly received: { request: ReceiveRequest; bytes: Buffer }[] = [];
  readonly queries: AttributeQuery[] = [];
  /** Refuses what is received. */
  refusal: CairnError | undefined;
  /** Attributes that the query engine does not know. */
  unknown = new Set<string>();
  /** Instances whose bytes cannot be opened. */
  broken = new Set<string>();
  onReceive: () => Promise<void> = async () => {};
  onQuery: (signal?: AbortSignal) => Promise<void> = async () => {};

  hold(...instances: readonly PhantomInstance[]): void {
    for (const phantom of instances) {
      const file = phantom.bytes();
      this.#hold(phantom, file.subarray(dataSetOffset(file)));
    }
  }

  async receive(_scope: Scope, request: ReceiveRequest, source: AsyncIterable<Uint8Array>): Promise<ReceiveOutcome> {
    if (this.refusal) return { kind: 'refused', error: this.refusal };
    const parts: Uint8Array[] = [];
    for await (const part of source) parts.push(part);
    await this.onReceive();
    const bytes = Buffer.concat(parts);
    this.received.push({ request, bytes });
    const { sopClassUid = '', sopInstanceUid = '' } = request.announced ?? {};
    const instance = {
      ulid: '',
      studyInstanceUid: '',
      seriesInstanceUid: '',
      sopInstanceUid,
      sopClassUid,
      transferSyntaxUid: '',
      sizeBytes: bytes.length,
      warnings: [],
    };
    return { kind: 'stored', instance };
  }

  async query(_scope: Scope, query: AttributeQuery, signal?: AbortSignal): Promise<QueryAnswers> {
    this.queries.push(query);
    await this.onQuery(signal);
    const unknown = query.keys.find(({ path }) => this.unknown.has(path[0]));
    if (unknown) throw new CairnError('query.unknown-attribute', 'Unknown.', { details: { attribute: unknown.path[0] } });
    const rows = new Map<string, HeldInstance>();
    for (const one of this.held)
      if (query.keys.every((key) => matches(one.json, key.path[0], key.value))) rows.set(textOf(one.json, KEY[query.level]), one);
    const start = query.after === undefined ? query.offset : Number(query.after);
    const answers = [...rows.values()].slice(start, start + query.limit).map(({ json, instance }, index) => ({
      attributes: json,
      studyInstanceUid: instance.studyInstanceUid,
      seriesInstanceUid: instance.seriesInstanceUid,
      sopInstanceUid: instance.sopInstanceUid,
      cursor: String(start + index + 1),
    }));
    return { answers, more: start + query.limit < rows.size };
  }

  async select(_scope: Scope, selector: InstanceSelector): Promise<AsyncIterable<RetrievableInstance>> {
    const found = this.held.filter(
      ({ instance }) =>
        instance.studyInstanceUid === selector.studyInstanceUid &&
        [instance.seriesInstanceUid, undefined].includes(selector.seriesInstanceUid) &&
        [instance.sopInstanceUid, undefined].includes(selector.sopInstanceUid),
    );
    if (found.length === 0) throw new CairnError('archive.not-found', 'Not found.');
    return await Promise.resolve(streamOf(found.map(({ instance }) => instance)));
  }

  canGive(stored: string, wanted: string): boolean {
    return stored === wanted || (UNCOMPRESSED.has(stored) && UNCOMPRESSED.has(wanted));
  }

  async openDataSet(_scope: Scope, instance: RetrievableInstance, wanted: string): Promise<OutgoingInstance> {
    if (this.broken.has(instance.sopInstanceUid)) throw new CairnError('object-store.unavailable', 'Cannot be read.');
    const { dataSet } = this.held.find((one) => one.instance === instance)!;
    return await Promise.resolve({ transferSyntaxUid: wanted, chunks: streamOf([dataSet]) });
  }

  async *openMany(
    scope: Scope,
    instances: AsyncIterable<RetrievableInstance> | Iterable<RetrievableInstance>,
    options: OpenManyOptions,
  ): AsyncGenerator<OpenedInstance> {
    for await (const instance of instances) {
      try {
        yield { instance, outgoing: await this.openDataSet(scope, instance, options.wanted(instance)) };
      } catch (error) {
        yield { instance, error };
      }
    }
  }

  openInstance(): Promise<OutgoingInstance> {
    return Promise.reject(new Error('not for DIMSE'));
  }

  metadata(): Promise<AsyncIterable<string>> {
    return Promise.reject(new Error('not for DIMSE'));
  }

  frames(): ReturnType<InstanceRetriever['frames']> {
    return Promise.reject(new Error('not for DIMSE'));
  }

  bulkData(): ReturnType<InstanceRetriever['bulkData']> {
    return Promise.reject(new Error('not for DIMSE'));
  }

  #hold(phantom: PhantomInstance, dataSet: Buffer): void {
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid, sopClassUid, transferSyntaxUid } = phantom;
    const version = {
      ulid: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
      transferSyntaxUid,
      sopClassUid,
      sha256DataSet: '',
      sha256Meta: '',
      sha256Elements: '',
      sizeBytes: dataSet.length,
      dataSetOffset: 0,
      location: { target: 'hot', key: '', offset: 0, length: dataSet.length, state: 'HOT' as const },
      source: { protocol: 'dimse' as const },
      receipts: [],
    };
    this.held.push({
      instance: { studyInstanceUid, seriesInstanceUid, sopInstanceUid, version },
      dataSet,
      json: decodeDataSet(dataSet, transferSyntaxUid),
    });
  }
}

async function* streamOf<T>(values: readonly T[]): AsyncGenerator<T> {
  for (const value of values) yield await Promise.resolve(value);
}

function textOf(json: DicomJson, tag: string): string {
  const value = json[tag]?.Value?.[0];
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  const name = value?.['Alphabetic'];
  return typeof name === 'string' ? name : '';
}

function matches(json: DicomJson, tag: string, pattern: string): boolean {
  const text = textOf(json, tag);
  if (pattern.includes('\\')) return pattern.split('\\').includes(text);
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}
