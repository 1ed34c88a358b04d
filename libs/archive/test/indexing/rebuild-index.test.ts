import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TINY, TRANSFER_SYNTAX, aStudy, element, writeDataSet, writeDicom } from '@cairn/testing';
import { preferVersion, rebuildIndex, resolveConflict } from '@cairn/archive';
import type { RebuildProgress } from '@cairn/archive';
import { anArchive, chunked, documentsOf, other, request, scope, store } from '../archive-fixture.ts';
import type { Archive } from '../archive-fixture.ts';

const study = aStudy({ ...TINY, seed: 11, series: 2, instances: 4 });
const [first, second] = study.instances;

describe('rebuildIndex', () => {
  let archive: Archive;

  beforeEach(async () => {
    archive = await anArchive({ options: { defaultIssuer: () => 'HOSPITAL' } });
    await archive.startIndexer();
  });

  afterEach(() => archive.close());

  const rebuild = (more: { onProgress?: (progress: RebuildProgress) => void } = {}): Promise<readonly RebuildProgress[]> =>
    rebuildIndex({ objectStore: archive.objectStore, metadataStore: archive.metadataStore, tenants: ['default', 'other'], ...more });

  it('makes an index equal to the live one, document by document (case 112)', async () => {
    for (const instance of study.instances) await store(archive.pipeline, instance.bytes());
    await store(archive.pipeline, aStudy({ ...TINY, seed: 12, patientId: study.patientId }).instances[0]!.bytes());
    await store(archive.pipeline, first!.bytes());
    const changed = first!.elements().map((spec) => (spec.tag === '00080060' ? element('00080060', 'CS', 'MR') : spec));
    await store(archive.pipeline, writeDicom({ elements: changed }));
    await store(archive.pipeline, second!.bytes(), other);
    const transferSyntaxUid = TRANSFER_SYNTAX.implicitLittleEndian;
    const bare = writeDataSet({ elements: aStudy({ ...TINY, seed: 13 }).instances[0]!.elements(), transferSyntaxUid });
    await archive.pipeline.receive(scope, request({ transferSyntaxUid }), chunked(bare));
    await archive.settled();
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = first!;
    const instance = { studyInstanceUid, seriesInstanceUid, sopInstanceUid };
    const { versions } = (await archive.metadataStore.instance(scope, instance))!;
    await preferVersion(archive, scope, instance, versions[0]!);
    const [conflict] = await archive.metadataStore.conflicts(scope);
    await resolveConflict(archive, scope, conflict!.id, 'accepted');
    await archive.collector().run(scope);

    const live = [await documentsOf(archive.metadataStore), await documentsOf(archive.metadataStore, other)];
    const progress: RebuildProgress[] = [];
    const results = await rebuild({ onProgress: (step) => progress.push(step) });
    expect([await documentsOf(archive.metadataStore), await documentsOf(archive.metadataStore, other)]).toEqual(live);
    expect(results).toEqual([
      { tenant: 'default', instances: 11, unreadable: 0, facts: 3 },
      { tenant: 'other', instances: 1, unreadable: 0, facts: 0 },
    ]);
    expect(progress.at(-1)).toEqual({ tenant: 'other', instances: 1, unreadable: 0, facts: 0 });
  });

  it('gives the same when it is run twice, and an empty index for an empty store', async () => {
    expect(await rebuild()).toMatchObject([{ instances: 0 }, { instances: 0 }]);
    for (const instance of study.instances) await store(archive.pipeline, instance.bytes());
    await archive.settled();
    await rebuild();
    const once = await documentsOf(archive.metadataStore);
    await rebuild();
    expect(await documentsOf(archive.metadataStore)).toEqual(once);
  });
});
