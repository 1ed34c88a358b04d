import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemScope } from '@cairn/core';
import { DicomScanner } from '@cairn/dicom';
import type { ScanResult } from '@cairn/dicom';
import { SqliteMetadataStore } from '@cairn/metadata-store/sqlite';
import type { RetrievableInstance } from '@cairn/metadata-store';
import { FilesystemObjectStore } from '@cairn/object-store/filesystem';
import { CT_SLICE, TRANSFER_SYNTAX, aStudy, corpus, dataSetOffset, makeTempDir, writeDataSet } from '@cairn/testing';
import type { StudySpec, TempDir } from '@cairn/testing';
import { ArchiveRetriever } from '../../src/index.ts';
import type { OutgoingBulkData, OutgoingFrames } from '../../src/index.ts';
import { receiptOf } from '../../src/ingest/receipt.ts';
import { chunksOf, collect, listOf } from './fixture.ts';

const scope = systemScope('default');

describe('ArchiveRetriever over scanned instances', () => {
  let folder: TempDir;
  let objects: FilesystemObjectStore;
  let index: SqliteMetadataStore;
  let retriever: ArchiveRetriever;
  let count = 0;

  beforeAll(async () => {
    folder = await makeTempDir();
    objects = await FilesystemObjectStore.open({ folder: folder.path });
    index = await SqliteMetadataStore.open({ file: join(folder.path, 'index.db') });
    retriever = new ArchiveRetriever(objects, index);
  });
  afterAll(async () => {
    await index.close();
    await objects.close();
    await folder.remove();
  });

  const store = async (bytes: Uint8Array, transferSyntaxUid?: string): Promise<RetrievableInstance> => {
    const ulid = `01HZZZZZZZZZZZZZZZZZZ${String((count += 1)).padStart(5, '0')}`;
    const key = `landing/default/2024022910/${ulid}.dcm`;
    await objects.put(scope, key, chunksOf([bytes]));
    const receipt = receiptOf(scanOf(bytes, transferSyntaxUid), { ulid, key, source: { protocol: 'stow' }, defaultIssuer: '' });
    await index.recordReceipts(scope, [receipt]);
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid, sha256DataSet } = receipt;
    const selector = { studyInstanceUid, seriesInstanceUid, sopInstanceUid };
    const document = await index.instance(scope, selector);
    return { ...selector, version: document!.versions.find((version) => version.sha256DataSet === sha256DataSet)! };
  };
  const oneOf = (spec: StudySpec) => aStudy({ seed: (count += 1) + 1000, ...spec }).instances[0]!;

  it('gives a bare data set with meta information made for it', async () => {
    const phantom = oneOf({});
    const bare = writeDataSet({ elements: phantom.elements() });
    const instance = await store(bare, TRANSFER_SYNTAX.explicitLittleEndian);
    const outgoing = await retriever.openInstance(scope, instance, '*');
    const file = await collect(outgoing.chunks);
    expect(file).toHaveLength(outgoing.sizeBytes!);
    expect(file.subarray(dataSetOffset(file))).toEqual(bare);
    expect(scanOf(file).meta).toMatchObject({
      '00020002': { Value: [phantom.sopClassUid] },
      '00020003': { Value: [phantom.sopInstanceUid] },
      '00020010': { Value: [TRANSFER_SYNTAX.explicitLittleEndian] },
    });
  });

  const uncompressed = ['implicitLittleEndian', 'explicitBigEndian', 'deflated', 'explicitLittleEndian'] as const;
  it.each(uncompressed)('re-encodes %s for who takes only another one, and gives the same frames and values from it', async (name) => {
    const spec = { frames: 3, bitsAllocated: 16, rows: 5, columns: 7 } as const;
    const phantom = oneOf({ ...spec, transferSyntaxUid: TRANSFER_SYNTAX[name] });
    const instance = await store(phantom.bytes());
    for (const wanted of [TRANSFER_SYNTAX.explicitLittleEndian, TRANSFER_SYNTAX.implicitLittleEndian]) {
      expect(retriever.canGive(TRANSFER_SYNTAX[name], wanted)).toBe(true);
      const { chunks, transferSyntaxUid } = await retriever.openInstance(scope, instance, wanted);
      expect(transferSyntaxUid).toBe(wanted);
      const file = await collect(chunks);
      const scan = scanOf(file);
      expect(scan.transferSyntaxUid).toBe(wanted);
      expect(scan.sha256Elements).toBe(instance.version.sha256Elements);
      const [offset, length] = scan.pixels!.span;
      const { frames } = await retriever.frames(scope, instance, [1, 2, 3]);
      const joined = Buffer.concat(await Promise.all(frames.map((frame) => collect(frame.open()))));
      expect(joined).toEqual(file.subarray(offset, offset + length).subarray(0, joined.length));
      const value = await retriever.bulkData(scope, instance, '7FE00010');
      expect('frames' in value ? undefined : await collect(value.open())).toEqual(file.subarray(offset, offset + length));
    }
  });

  it('gives a deflated instance as it came', async () => {
    const phantom = oneOf({ transferSyntaxUid: TRANSFER_SYNTAX.deflated });
    const outgoing = await retriever.openInstance(scope, await store(phantom.bytes()), '*');
    expect(await collect(outgoing.chunks)).toEqual(phantom.bytes());
  });

  it.each(['basic', 'empty', 'extended'] as const)('gives compressed frames found by an offset table that is %s', async (offsetTable) => {
    const fragmentsPerFrame = offsetTable === 'extended' ? 1 : 3;
    const phantom = oneOf({ frames: 4, transferSyntaxUid: TRANSFER_SYNTAX.jpegBaseline, offsetTable, fragmentsPerFrame });
    const instance = await store(phantom.bytes());
    const fragments = phantom
      .elements()
      .find(({ tag }) => tag === '7FE00010')!
      .fragments!.slice(1);
    const { frames } = await retriever.frames(scope, instance, [1, 2, 3, 4]);
    for (const [at, frame] of frames.entries()) {
      const expected = Buffer.concat(fragments.slice(at * fragmentsPerFrame, (at + 1) * fragmentsPerFrame));
      expect(await collect(frame.open())).toEqual(expected);
    }
    const value = await retriever.bulkData(scope, instance, '7FE00010');
    expect('frames' in value && value.frames).toHaveLength(4);
  });

  it('gives the metadata of a series with URIs that lead to the values', async () => {
    const study = aStudy({ ...CT_SLICE, rows: 64, columns: 64, seed: 77, instances: 3 });
    for (const phantom of study.instances) await store(phantom.bytes());
    const { studyInstanceUid } = study;
    const texts = await listOf(await retriever.metadata(scope, { studyInstanceUid }, 'http://h/dicom-web'));
    expect(texts).toHaveLength(3);
    for (const [at, text] of texts.entries()) {
      const { seriesInstanceUid, sopInstanceUid } = study.instances[at]!;
      const [, path] = /"BulkDataURI":"http:[^"]*\/instances\/[\d.]+\/bulkdata\/(7FE00010)"/.exec(text) ?? [];
      const value = await retriever.bulkData(scope, { studyInstanceUid, seriesInstanceUid, sopInstanceUid }, path!);
      expect('frames' in value ? 0 : value.sizeBytes).toBe(64 * 64 * 2);
    }
  });

  const files = corpus()?.filter(({ expected }) => expected === 'accept');
  const withCorpus = files === undefined ? it.skip : it;

  withCorpus(
    'gives every file of the corpus byte for byte, and each bulk value that its metadata names',
    async () => {
      const stored = await inBatches(files!, async ({ path, absolutePath }) => {
        const bytes = readFileSync(absolutePath);
        return { path, bytes, instance: await store(bytes) };
      });
      for (const { path, bytes, instance } of stored) {
        const found = await wrongBytes(bytes, instance);
        expect({ path, found }).toEqual({ path, found: [] });
        expect({ path, found: await brokenUris(instance) }).toEqual({ path, found: [] });
      }
    },
    60_000,
  );

  /** What does not come back as it was stored. */
  const wrongBytes = async (bytes: Buffer, instance: RetrievableInstance): Promise<string[]> => {
    const { sha256DataSet, sha256Meta } = scanOf(bytes);
    const { version } = instance;
    const whole = await collect((await retriever.openInstance(scope, instance, '*')).chunks);
    const dataSet = await collect((await retriever.openDataSet(scope, instance, '*')).chunks);
    // Of two files with one data set the first is kept, with its meta information.
    const isWhole = version.dataSetOffset === 0 || version.sha256Meta !== sha256Meta || whole.equals(bytes);
    return [...(isWhole ? [] : ['file']), ...(sha256(dataSet) === sha256DataSet ? [] : ['data set'])];
  };

  /** Bulk data URIs of the metadata that do not lead to a value. */
  const brokenUris = async (instance: RetrievableInstance): Promise<string[]> => {
    const [text] = await listOf(await retriever.metadata(scope, instance, ''));
    const paths = [...text!.matchAll(/"BulkDataURI":"[^"]*?\/bulkdata\/([^"]+)"/g)].map(([, path]) => path!);
    const broken: string[] = [];
    for (const path of paths) {
      const value = await retriever.bulkData(scope, instance, path).catch((error: unknown) => error);
      const isWhole = hasOpen(value) ? (await collect(value.open())).length === value.sizeBytes : isFrames(value);
      if (!isWhole) broken.push(`${path}: ${String(value)}`);
    }
    return broken;
  };
});

function hasOpen(value: unknown): value is OutgoingBulkData {
  return typeof value === 'object' && value !== null && 'open' in value;
}

function isFrames(value: unknown): value is OutgoingFrames {
  return typeof value === 'object' && value !== null && 'frames' in value;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function inBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += 16) results.push(...(await Promise.all(items.slice(at, at + 16).map(work))));
  return results;
}

function scanOf(bytes: Uint8Array, transferSyntaxUid?: string): ScanResult {
  const scanner = new DicomScanner(transferSyntaxUid === undefined ? {} : { transferSyntaxUid });
  scanner.push(bytes);
  return scanner.end();
}
