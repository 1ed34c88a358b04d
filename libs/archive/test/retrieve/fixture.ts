import { systemScope } from '@cairn/core';
import type { PixelDataDescription, Span } from '@cairn/dicom';
import type { InstanceDocument, InstanceParts, InstanceSelector, InstanceVersion, RetrievableInstance } from '@cairn/metadata-store';
import { FilesystemObjectStore } from '@cairn/object-store/filesystem';
import { makeTempDir } from '@cairn/testing';
import { ArchiveRetriever } from '../../src/index.ts';
import type { InstanceIndex } from '../../src/retrieve/stored-bytes.ts';

export const scope = systemScope('default');
export const EXPLICIT = '1.2.840.10008.1.2.1';
export const BIG_ENDIAN = '1.2.840.10008.1.2.2';
export const DEFLATED = '1.2.840.10008.1.2.1.99';
export const JPEG = '1.2.840.10008.1.2.4.50';

/** An instance as the index would know it; everything but the bytes has a default. */
export interface StoredSpec {
  bytes: Uint8Array;
  sopInstanceUid?: string;
  transferSyntaxUid?: string;
  dataSetOffset?: number;
  /** Bytes before the instance within its object, as in a pack. */
  before?: Uint8Array;
  header?: string;
  bulk?: Record<string, Span>;
  pixels?: Partial<PixelDataDescription>;
}

/** An index in memory: one list, in the order of adding. Counts which parts were asked for. */
class MemoryIndex implements InstanceIndex {
  readonly held: RetrievableInstance[] = [];
  readonly asked: InstanceParts[] = [];
  /** What {@link instance} answers; default the same as `held`. */
  relocated: InstanceDocument | undefined;

  async *instances(_scope: unknown, selector: InstanceSelector, parts: InstanceParts): AsyncIterable<RetrievableInstance> {
    this.asked.push(parts);
    for (const { header, bulk, pixels, ...identity } of this.held) {
      if (!matches(selector, identity)) continue;
      yield {
        ...identity,
        ...(parts.header === true && header !== undefined ? { header } : {}),
        ...(parts.bulk === true && bulk !== undefined ? { bulk } : {}),
        ...(parts.pixels === true && pixels !== undefined ? { pixels } : {}),
      };
    }
  }

  async instance(_scope: unknown, selector: Required<InstanceSelector>): Promise<InstanceDocument | undefined> {
    if (this.relocated !== undefined) return this.relocated;
    const found = this.held.find((each) => matches(selector, each));
    return found && documentOf(found, found.version);
  }
}

function matches(selector: InstanceSelector, instance: InstanceSelector): boolean {
  return (['studyInstanceUid', 'seriesInstanceUid', 'sopInstanceUid'] as const).every(
    (key) => selector[key] === undefined || selector[key] === instance[key],
  );
}

/** The instance's document with one version. */
export function documentOf(instance: RetrievableInstance, version: InstanceVersion): InstanceDocument {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = instance;
  return { studyInstanceUid, seriesInstanceUid, sopInstanceUid, sopClassUid: version.sopClassUid, versions: [version] };
}

/** A retriever over real files in an own folder and an index in memory. */
export async function anArchive() {
  const folder = await makeTempDir();
  const objects = await FilesystemObjectStore.open({ folder: folder.path });
  const index = new MemoryIndex();
  const add = async (spec: StoredSpec): Promise<Required<InstanceSelector>> => {
    const number = index.held.length + 1;
    const ulid = `01HZZZZZZZZZZZZZZZZZZZ${String(number).padStart(4, '0')}`;
    const before = spec.before ?? new Uint8Array(0);
    const key = `landing/default/2024022910/${ulid}.dcm`;
    await objects.put(scope, key, chunksOf([before, spec.bytes]));
    const source = { protocol: 'stow' } as const;
    const instance: RetrievableInstance = {
      studyInstanceUid: '1.2.3',
      seriesInstanceUid: '1.2.3.4',
      sopInstanceUid: spec.sopInstanceUid ?? `1.2.3.4.${number}`,
      version: {
        ulid,
        transferSyntaxUid: spec.transferSyntaxUid ?? EXPLICIT,
        sopClassUid: '1.2.840.10008.5.1.4.1.1.7',
        sha256DataSet: `content ${number}`,
        sha256Meta: '',
        sha256Elements: '',
        sizeBytes: spec.bytes.length,
        dataSetOffset: spec.dataSetOffset ?? 0,
        location: { key, offset: before.length, length: spec.bytes.length },
        source,
        receipts: [{ ulid, source }],
      },
      header: spec.header ?? '{}',
      bulk: JSON.stringify(spec.bulk ?? {}),
      ...(spec.pixels === undefined
        ? {}
        : { pixels: JSON.stringify({ ...PIXELS, transferSyntaxUid: spec.transferSyntaxUid ?? EXPLICIT, ...spec.pixels }) }),
    };
    index.held.push(instance);
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = instance;
    return { studyInstanceUid, seriesInstanceUid, sopInstanceUid };
  };
  return {
    objects,
    index,
    retriever: new ArchiveRetriever(objects, index),
    add,
    close: async () => {
      await objects.close();
      await folder.remove();
    },
  };
}

/** What {@link anArchive} gives. */
export type Archive = Awaited<ReturnType<typeof anArchive>>;

const PIXELS: PixelDataDescription = {
  tag: '7FE00010',
  vr: 'OW',
  transferSyntaxUid: EXPLICIT,
  span: [0, 0],
  numberOfFrames: 1,
  rows: 1,
  columns: 1,
  samplesPerPixel: 1,
  bitsAllocated: 16,
};

/** All bytes of a stream. */
export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await listOf(source));
}

/** All that an iterable gives. */
export async function listOf<T>(source: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const each of source) list.push(each);
  return list;
}

/** A stream of the given chunks. */
export async function* chunksOf(chunks: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* chunks;
}

/** The first instance that a selector finds. */
export async function firstOf({ retriever }: Archive, selector: InstanceSelector): Promise<RetrievableInstance> {
  const [first] = await listOf(await retriever.select(scope, selector));
  return first!;
}
