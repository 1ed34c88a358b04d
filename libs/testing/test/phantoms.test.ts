import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { CT_SLICE, RADIOGRAPH, TINY, TRANSFER_SYNTAX, aBigFile, aStudy, dataSetOffset } from '../src/index.ts';

describe('aStudy', () => {
  it('is the same for the same seed and another for another', () => {
    expect(aStudy({ seed: 7 }).instances[0]!.bytes()).toEqual(aStudy({ seed: 7 }).instances[0]!.bytes());
    expect(aStudy({ seed: 8 }).studyInstanceUid).not.toBe(aStudy({ seed: 7 }).studyInstanceUid);
  });

  it('has the sizes that the benchmarks name', () => {
    const sizeOf = (shape: typeof TINY): number => aStudy(shape).instances[0]!.bytes().length;
    expect(sizeOf(TINY)).toBeGreaterThan(3300);
    expect(sizeOf(TINY)).toBeLessThan(3800);
    expect(sizeOf(CT_SLICE)).toBeGreaterThan(524_288);
    expect(sizeOf(RADIOGRAPH)).toBeGreaterThan(18_000_000);
  });

  it('gives every instance its own identifiers', () => {
    const { instances } = aStudy({ series: 3, instances: 4 });
    expect(instances).toHaveLength(12);
    expect(new Set(instances.map((each) => each.sopInstanceUid)).size).toBe(12);
    expect(instances.every((each) => /^[0-9.]{1,64}$/.test(each.sopInstanceUid))).toBe(true);
  });

  it('has elements in tag order, replaced where told', () => {
    const [instance] = aStudy({ elements: [{ tag: '00100010', vr: 'PN', value: 'Other' }] }).instances;
    const tags = instance!.elements().map((each) => each.tag);
    expect(tags).toEqual([...tags].sort());
    expect(instance!.elements().find((each) => each.tag === '00100010')!.value).toBe('Other');
  });

  it.each(['basic', 'empty', 'extended'] as const)('writes encapsulated frames with the offset table %s', (offsetTable) => {
    const [instance] = aStudy({ transferSyntaxUid: TRANSFER_SYNTAX.jpegBaseline, frames: 3, offsetTable }).instances;
    const fragments = instance!.elements().at(-1)!.fragments!;
    expect(fragments).toHaveLength(4);
    expect(fragments[0]!.length).toBe(offsetTable === 'basic' ? 12 : 0);
    expect(instance!.elements().filter((each) => each.tag.startsWith('7FE0'))).toHaveLength(offsetTable === 'extended' ? 3 : 1);
  });
});

describe('aBigFile', () => {
  it.each(['native', 'encapsulated'] as const)('streams a %s file of the announced size', async (kind) => {
    const file = aBigFile({ kind, frames: 5, frameBytes: 3 << 20 });
    const chunks: Buffer[] = [];
    for await (const chunk of file.stream()) chunks.push(Buffer.from(chunk));
    const bytes = Buffer.concat(chunks);
    expect(bytes.length).toBe(file.sizeBytes);
    expect(dataSetOffset(bytes)).toBe(file.dataSetOffset);
    const frame = createHash('sha256');
    for await (const chunk of file.frame(5)) frame.update(chunk);
    const end = bytes.length - (kind === 'native' ? 0 : 8);
    expect(
      createHash('sha256')
        .update(bytes.subarray(end - (3 << 20), end))
        .digest('hex'),
    ).toBe(frame.digest('hex'));
  });
});
