import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AttributeQuery, QueryAnswer } from '@cairn/archive';
import { TestIndex, json, name } from './index-builder.ts';

describe('answers', () => {
  let index: TestIndex;

  beforeAll(async () => {
    index = await TestIndex.open();
    const shared = {
      '00080020': json('DA', '20240101'),
      '00080050': json('SH'),
      '00080090': name('House^Gregory'),
      '00080201': json('SH', '+0100'),
      '00081030': json('LO', 'Thorax'),
      '00100010': name('Doe^Jane'),
      '00100020': json('LO', 'P1'),
      '00104000': { vr: 'LT', BulkDataURI: 'bulkdata/00104000' },
      '00101010': json('AS', '040Y'),
      '00090010': json('LO', 'ACME'),
      '00091001': json('LO', 'private'),
      '00204000': json('LT', 'comment'),
      '00280010': json('US', 512),
      '7FE00010': { vr: 'OW', BulkDataURI: 'bulkdata/7FE00010' },
    };
    await index.add(
      { ...shared, '00200011': json('IS', 1), '0008103E': json('LO', 'Axial'), '00200013': json('IS', 1) },
      { ...shared, '00200011': json('IS', 1), '0008103E': json('LO', 'Axial'), '00200013': json('IS', 2) },
      {
        ...shared,
        '0020000E': json('UI', '1.2.1.2'),
        '00080060': json('CS', 'SR'),
        '00080016': json('UI', '1.2.840.10008.5.1.4.1.1.88.11'),
      },
    );
  });

  afterAll(() => index.close());

  const first = async (
    level: AttributeQuery['level'],
    keys: Record<string, string> = {},
    options: Partial<AttributeQuery> = {},
  ): Promise<QueryAnswer> => (await index.query(level, keys, options)).answers[0]!;

  it('have the attributes of a study that PS3.18 table 10.6.3-3 asks for, those without value too', async () => {
    const { attributes, studyInstanceUid } = await first('study');
    expect(studyInstanceUid).toBe('1.2.1');
    expect(attributes).toEqual({
      '00080020': json('DA', '20240101'),
      '00080030': { vr: 'TM' },
      '00080050': { vr: 'SH' },
      '00080056': json('CS', 'ONLINE'),
      '00080061': json('CS', 'CT', 'SR'),
      '00080090': name('House^Gregory'),
      '00080201': json('SH', '+0100'),
      '00081030': json('LO', 'Thorax'),
      '00100010': name('Doe^Jane'),
      '00100020': json('LO', 'P1'),
      '00100030': { vr: 'DA' },
      '00100040': { vr: 'CS' },
      '0020000D': json('UI', '1.2.1'),
      '00200010': { vr: 'SH' },
      '00201206': json('IS', 2),
      '00201208': json('IS', 3),
    });
    expect(Object.keys(attributes)).toEqual(Object.keys(attributes).toSorted((a, b) => (a < b ? -1 : 1)));
  });

  it('have the attributes of a series (table 10.6.3-4)', async () => {
    const { attributes, seriesInstanceUid } = await first('series', { '0020000D': '1.2.1' });
    expect(seriesInstanceUid).toBe('1.2.1.1');
    expect(attributes).toEqual({
      '00080056': json('CS', 'ONLINE'),
      '00080060': json('CS', 'CT'),
      '00080201': json('SH', '+0100'),
      '0008103E': json('LO', 'Axial'),
      '0020000D': json('UI', '1.2.1'),
      '0020000E': json('UI', '1.2.1.1'),
      '00200011': json('IS', 1),
      '00201209': json('IS', 2),
    });
  });

  it('have the attributes of an instance (table 10.6.3-5)', async () => {
    const { attributes, sopInstanceUid } = await first('instance', { '0020000D': '1.2.1', '0020000E': '1.2.1.1' });
    expect(sopInstanceUid).toBe('1.2.1.1.1');
    expect(attributes).toEqual({
      '00080016': json('UI', '1.2.840.10008.5.1.4.1.1.2'),
      '00080018': json('UI', '1.2.1.1.1'),
      '00080056': json('CS', 'ONLINE'),
      '00080201': json('SH', '+0100'),
      '0020000D': json('UI', '1.2.1'),
      '0020000E': json('UI', '1.2.1.1'),
      '00200013': json('IS', 1),
      '00280010': json('US', 512),
      '00083002': json('UI', '1.2.840.10008.1.2.1'),
    });
  });

  it('have the attributes and counts of a patient', async () => {
    const { attributes } = await first('patient');
    expect(attributes).toEqual({
      '00100010': name('Doe^Jane'),
      '00100020': json('LO', 'P1'),
      '00100030': { vr: 'DA' },
      '00100040': { vr: 'CS' },
      '00201200': json('IS', 1),
      '00201202': json('IS', 2),
      '00201204': json('IS', 3),
    });
  });

  it('add the levels above to a search of the root, and only to that', async () => {
    const has = async (level: AttributeQuery['level'], keys: Record<string, string>, root = false) => {
      const { attributes } = await first(level, keys, { root });
      return { study: '00100010' in attributes, series: '0008103E' in attributes };
    };
    expect(await has('series', {})).toEqual({ study: true, series: true });
    expect(await has('series', { '0020000D': '1.2.1' })).toEqual({ study: false, series: true });
    // The standard adds them whatever narrows a root search; Orthanc does not.
    expect(await has('series', { '0020000D': '1.2.1' }, true)).toEqual({ study: true, series: true });
    expect(await has('instance', {})).toEqual({ study: true, series: true });
    expect(await has('instance', { '0020000D': '1.2.1' })).toEqual({ study: false, series: true });
    expect(await has('instance', { '0020000D': '1.2.1', '0020000E': '1.2.1.1' })).toEqual({ study: false, series: false });
    expect(await has('instance', { '0020000D': '1.2.1', '0020000E': '1.2.1.1' }, true)).toEqual({ study: true, series: true });
  });

  it('have what is included: of the level, above it, computed and of headers, but not of lower levels', async () => {
    const include = ['00101010', '00080062', '00201200', '00091001', '0008103E', '00280010', '00185100'];
    const { attributes } = await first('study', {}, { include });
    expect(attributes).toMatchObject({
      '00101010': json('AS', '040Y'),
      '00080062': json('UI', '1.2.840.10008.5.1.4.1.1.2', '1.2.840.10008.5.1.4.1.1.88.11'),
      '00201200': json('IS', 1),
      '00091001': json('LO', 'private'),
    });
    for (const absent of ['0008103E', '00280010', '00185100']) expect(attributes).not.toHaveProperty(absent);
    const series = await first('series', { '0020000D': '1.2.1' }, { include: ['00100010', '00201206'] });
    expect(series.attributes).toMatchObject({ '00100010': name('Doe^Jane'), '00201206': json('IS', 2) });
  });

  it('have the keys that matched', async () => {
    const { attributes } = await first('study', { '00101010': '040Y', '00100021': '' });
    expect(attributes).toHaveProperty('00101010');
    expect(attributes).not.toHaveProperty('00100021');
  });

  it('have everything of the level where all is included, without bulk data', async () => {
    const study = await first('study', {}, { include: 'all' });
    expect(study.attributes).toMatchObject({ '00101010': json('AS', '040Y'), '00080062': expect.anything() });
    expect(study.attributes).not.toHaveProperty('00104000');
    const instance = await first('instance', { '0020000D': '1.2.1', '0020000E': '1.2.1.1' }, { include: 'all' });
    expect(instance.attributes).toMatchObject({ '00204000': json('LT', 'comment'), '00091001': json('LO', 'private') });
    for (const absent of ['7FE00010', '00100010', '0008103E']) expect(instance.attributes).not.toHaveProperty(absent);
  });

  it('leave bulk data out of sequences as well', async () => {
    await index.add({
      '0020000D': json('UI', '1.2.9'),
      '00081032': {
        vr: 'SQ',
        Value: [{ '00080100': json('SH', 'CODE'), '00080119': { vr: 'UC', BulkDataURI: 'bulkdata/00081032/0/00080119' } }],
      },
    });
    const { attributes } = await first('study', { '0020000D': '1.2.9' }, { include: ['00081032'] });
    expect(attributes['00081032']).toEqual({ vr: 'SQ', Value: [{ '00080100': json('SH', 'CODE') }] });
  });
});
