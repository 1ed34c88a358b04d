import { CairnError, silentLogger } from '@cairn/core';
import type { DicomJson, Logger, Scope } from '@cairn/core';
import { EXPLICIT_VR_LITTLE_ENDIAN, TRANSFER_SYNTAXES, convertible, encodeFileMeta, transcodeDataSet } from '@cairn/dicom';
import type { PixelDataDescription } from '@cairn/dicom';
import type { InstanceParts, InstanceSelector, RetrievableInstance } from '@cairn/metadata-store';
import { OCTET_STREAM, bulkMediaType, findBulkSpan, findElement, normalizeBulkPath } from './bulk-value.ts';
import { prepend } from './byte-streams.ts';
import { clipRange } from './clip.ts';
import { FrameSource } from './frame-source.ts';
import { instanceUrl, withAbsoluteUris } from './metadata-text.ts';
import { NativeValue } from './native-value.ts';
import { openAhead } from './open-ahead.ts';
import { PixelCache } from './pixel-cache.ts';
import type {
  InstanceRetriever,
  OpenedInstance,
  OpenManyOptions,
  OutgoingBulkData,
  OutgoingFrames,
  OutgoingInstance,
  WantedSyntax,
} from './retrieve.ts';
import { StoredBytes } from './stored-bytes.ts';
import type { InstanceIndex, ObjectReader } from './stored-bytes.ts';

/** Gives stored instances and their parts out of what the index knows: ranged reads, no parsing. */
export class ArchiveRetriever implements InstanceRetriever {
  readonly #metadata: InstanceIndex;
  readonly #stored: StoredBytes;
  readonly #pixelCache = new PixelCache();

  constructor(objects: ObjectReader, metadata: InstanceIndex, logger: Logger = silentLogger) {
    this.#metadata = metadata;
    this.#stored = new StoredBytes(objects, metadata, logger);
  }

  async select(scope: Scope, selector: InstanceSelector, signal?: AbortSignal): Promise<AsyncIterable<RetrievableInstance>> {
    return await this.#select(scope, selector, {}, signal);
  }

  canGive(storedTransferSyntaxUid: string, wanted: WantedSyntax): boolean {
    return isAsStored(storedTransferSyntaxUid, wanted) || convertible(storedTransferSyntaxUid, wanted);
  }

  async openInstance(scope: Scope, instance: RetrievableInstance, wanted: WantedSyntax, signal?: AbortSignal): Promise<OutgoingInstance> {
    const { dataSetOffset, location, transferSyntaxUid } = instance.version;
    if (dataSetOffset > 0 && isAsStored(transferSyntaxUid, wanted)) {
      return {
        transferSyntaxUid,
        sizeBytes: location.length,
        chunks: await this.#stored.open(scope, instance, 0, location.length, signal),
      };
    }
    const dataSet = await this.openDataSet(scope, instance, wanted, signal);
    const meta = encodeFileMeta({
      sopClassUid: instance.version.sopClassUid,
      sopInstanceUid: instance.sopInstanceUid,
      transferSyntaxUid: dataSet.transferSyntaxUid,
    });
    const outgoing = { transferSyntaxUid: dataSet.transferSyntaxUid, chunks: prepend(meta, dataSet.chunks) };
    return dataSet.sizeBytes === undefined ? outgoing : { ...outgoing, sizeBytes: meta.length + dataSet.sizeBytes };
  }

  async openDataSet(scope: Scope, instance: RetrievableInstance, wanted: WantedSyntax, signal?: AbortSignal): Promise<OutgoingInstance> {
    const { dataSetOffset, location, transferSyntaxUid } = instance.version;
    if (!this.canGive(transferSyntaxUid, wanted)) {
      throw new CairnError('dicom.transcode-unsupported', 'The instance cannot be given in the transfer syntax asked for.', {
        details: { stored: transferSyntaxUid, wanted },
      });
    }
    const chunks = await this.#stored.open(scope, instance, dataSetOffset, location.length, signal);
    if (isAsStored(transferSyntaxUid, wanted)) return { transferSyntaxUid, sizeBytes: location.length - dataSetOffset, chunks };
    return { transferSyntaxUid: wanted, chunks: transcodeDataSet(chunks, transferSyntaxUid, wanted) };
  }

  openMany(
    scope: Scope,
    instances: AsyncIterable<RetrievableInstance> | Iterable<RetrievableInstance>,
    options: OpenManyOptions,
    signal?: AbortSignal,
  ): AsyncIterable<OpenedInstance> {
    return openAhead(instances, (instance) =>
      options.form === 'part10'
        ? this.openInstance(scope, instance, options.wanted(instance), signal)
        : this.openDataSet(scope, instance, options.wanted(instance), signal),
    );
  }

  async metadata(scope: Scope, selector: InstanceSelector, base: string, signal?: AbortSignal): Promise<AsyncIterable<string>> {
    return metadataTexts(await this.#select(scope, selector, { header: true }, signal), base);
  }

  async frames(scope: Scope, selector: Required<InstanceSelector>, numbers: readonly number[]): Promise<OutgoingFrames> {
    const { instance, pixels } = await this.#withPixels(scope, selector);
    const source = new FrameSource(this.#stored, scope, instance, pixels);
    return outgoingFrames(
      instance,
      pixels,
      numbers.map((number) => source.frame(number)),
    );
  }

  async bulkData(scope: Scope, selector: Required<InstanceSelector>, path: string): Promise<OutgoingBulkData | OutgoingFrames> {
    const bulkPath = normalizeBulkPath(path);
    if (bulkPath === undefined) throw bulkDataNotFound();
    const { instance, pixels } = await this.#withPixels(scope, selector, { header: true, bulk: true });
    if (pixels?.tag === bulkPath && isEncapsulated(pixels)) return this.#allFrames(scope, instance, pixels);
    const span = pixels?.tag === bulkPath ? pixels.span : findBulkSpan(instance.bulk, bulkPath);
    if (span === undefined) throw bulkDataNotFound();
    const header = JSON.parse(instance.header ?? '{}') as DicomJson;
    const vr = findElement(header, bulkPath)?.vr ?? 'UN';
    const value = new NativeValue(this.#stored, instance, span, vr);
    return {
      vr,
      mediaType: bulkMediaType(header, bulkPath),
      // However it is stored, an uncompressed value is given little endian (PS3.18 §8.7.3.5).
      transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN,
      sizeBytes: span[1],
      open: (range, signal) => {
        const { start, end } = clipRange(range, span[1]);
        return value.read(scope, { startBit: start * 8, bitCount: (end - start) * 8 }, signal);
      },
    };
  }

  #allFrames(scope: Scope, instance: RetrievableInstance, pixels: PixelDataDescription): OutgoingFrames {
    const source = new FrameSource(this.#stored, scope, instance, pixels);
    return outgoingFrames(
      instance,
      pixels,
      Array.from({ length: source.count }, (_, index) => source.frame(index + 1)),
    );
  }

  async #select(
    scope: Scope,
    selector: InstanceSelector,
    parts: InstanceParts,
    signal?: AbortSignal,
  ): Promise<AsyncIterable<RetrievableInstance>> {
    const iterator = this.#metadata.instances(scope, selector, parts, signal)[Symbol.asyncIterator]();
    const first = await iterator.next();
    if (first.done) throw new CairnError('archive.not-found', 'No such study, series or instance.');
    return withFirst(first.value, iterator);
  }

  /** The instance and its parsed pixel description, which big instances read from the cache. */
  async #withPixels(
    scope: Scope,
    selector: Required<InstanceSelector>,
    parts: InstanceParts = {},
  ): Promise<{ instance: RetrievableInstance; pixels: PixelDataDescription | undefined }> {
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = selector;
    const key = [scope.tenant, studyInstanceUid, seriesInstanceUid, sopInstanceUid].join('|');
    const cached = this.#pixelCache.get(key);
    let instance = await this.#one(scope, selector, { ...parts, pixels: cached === undefined });
    if (cached !== undefined) {
      if (cached.ulid === instance.version.ulid) return { instance, pixels: cached.pixels };
      instance = await this.#one(scope, selector, { ...parts, pixels: true });
    }
    const pixels = instance.pixels === undefined ? undefined : (JSON.parse(instance.pixels) as PixelDataDescription);
    if (pixels !== undefined) this.#pixelCache.set(key, instance.version.ulid, pixels);
    return { instance, pixels };
  }

  async #one(scope: Scope, selector: Required<InstanceSelector>, parts: InstanceParts): Promise<RetrievableInstance> {
    for await (const instance of await this.#select(scope, selector, parts)) return instance;
    throw new CairnError('archive.not-found', 'No such instance.');
  }
}

function isAsStored(storedTransferSyntaxUid: string, wanted: WantedSyntax): boolean {
  return wanted === '*' || wanted === storedTransferSyntaxUid;
}

function isEncapsulated({ frames, transferSyntaxUid }: PixelDataDescription): boolean {
  return frames === undefined ? TRANSFER_SYNTAXES.get(transferSyntaxUid)?.encapsulated === true : frames.kind !== 'native';
}

function outgoingFrames(
  instance: RetrievableInstance,
  pixels: PixelDataDescription | undefined,
  frames: OutgoingFrames['frames'],
): OutgoingFrames {
  const stored = instance.version.transferSyntaxUid;
  const native = pixels?.frames?.kind === 'native';
  return {
    transferSyntaxUid: native ? EXPLICIT_VR_LITTLE_ENDIAN : stored,
    mediaType: native ? OCTET_STREAM : (TRANSFER_SYNTAXES.get(stored)?.mediaType ?? OCTET_STREAM),
    frames,
  };
}

function bulkDataNotFound(): CairnError {
  return new CairnError('archive.bulk-data-not-found', 'The instance has no bulk data at this path.');
}

async function* metadataTexts(instances: AsyncIterable<RetrievableInstance>, base: string): AsyncIterable<string> {
  for await (const instance of instances) {
    if (instance.header === undefined) throw new CairnError('internal.unexpected', 'The index holds no header of the instance.');
    yield withAbsoluteUris(instance.header, instanceUrl(base, instance));
  }
}

async function* withFirst<T>(first: T, rest: AsyncIterator<T>): AsyncIterable<T> {
  try {
    yield first;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
