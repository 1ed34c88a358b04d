import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TestIndex, json, name } from './index-builder.ts';

const study = (number: number, attributes: Record<string, ReturnType<typeof json>>): Record<string, ReturnType<typeof json>> => ({
  '0020000D': json('UI', `1.2.${number}`),
  ...attributes,
});

describe('matching', () => {
  let index: TestIndex;

  beforeAll(async () => {
    index = await TestIndex.open();
    await index.add(
      study(1, {
        '00080020': json('DA', '20240101'),
        '00080030': json('TM', '080000'),
        '00080050': json('SH', 'ACC[1]'),
        '00081030': json('LO', 'Schädel (nativ)'),
        '00100010': name('Müller^Jörg'),
        '00100020': json('LO', 'P1'),
        '00101010': json('AS', '042Y'),
        '00101030': json('DS', 71.5),
      }),
      study(2, {
        '00080020': json('DA', '20240201'),
        '00080030': json('TM', '1630'),
        '00080050': json('SH'),
        '00080060': json('CS', 'MR'),
        '00081030': json('LO', 'Knee 100% (a+)+$'),
        '00100010': name('Yamada^Tarou', '山田^太郎', 'やまだ^たろう'),
        '00100020': json('LO', 'P2'),
      }),
      study(3, {
        '00080020': json('DA', '20240301'),
        '00080030': json('TM', '235959.5'),
        '00080060': json('CS', 'XA'),
        '00100010': name('Doe^John'),
        '00100020': json('LO', 'P3'),
        '0040A730': { vr: 'SQ', Value: [{ '0040A160': json('UT', 'Nodule') }, { '0040A160': json('UT', 'Cyst') }] },
        '00090010': json('LO', 'ACME'),
        '00091001': json('LO', 'secret'),
        '0008002A': json('DT', '20240301101500+0100'),
        '00181030': json('LO', 'Protocol A'),
        '00280010': json('US', 512),
      }),
      study(4, { '00100010': name('Doe^Jane'), '00100020': json('LO', 'p3 ') }),
      study(5, { '00100010': name('Mono^^^^') }),
    );
  });

  afterAll(() => index.close());

  it.each<[string, Record<string, string>, string[]]>([
    ['nothing given', {}, ['1', '2', '3', '4', '5']],
    ['an empty value', { '00100020': '' }, ['1', '2', '3', '4', '5']],
    ['* alone, also for an absent value', { '00080020': '*', '00080050': '**' }, ['1', '2', '3', '4', '5']],
    ['a single value', { '00100020': 'P1' }, ['1']],
    ['a single value in other case, padded', { '00100020': 'P3' }, ['3', '4']],
    ['several values', { '00100020': 'P1\\P2' }, ['1', '2']],
    ['a prefix', { '00100020': 'P*' }, ['1', '2', '3', '4']],
    ['a question mark', { '00100020': '?2' }, ['2']],
    ['a name prefix', { '00100010': 'doe*' }, ['3', '4']],
    ['a name without its diacritics', { '00100010': 'MULLER^JORG' }, ['1']],
    ['a name with trailing delimiters', { '00100010': 'Doe^John^^^' }, ['3']],
    ['a family name with any given name', { '00100010': 'DOE^*' }, ['3', '4']],
    ['a family name without given name', { '00100010': 'mono^*' }, ['5']],
    ['part of a name', { '00100010': '*oe*' }, ['3', '4']],
    ['an ideographic part of two characters', { '00100010': '*山田*' }, ['2']],
    ['an ideographic part of one character', { '00100010': '*郎' }, ['2']],
    ['all component groups', { '00100010': 'Yamada*=山田*' }, ['2']],
    ['the phonetic group', { '00100010': 'やまだ*' }, ['2']],
    ['a name and a word', { '00100010': '*doe*', '00100020': '*3*' }, ['3', '4']],
    ['a name, a description and a modality', { '00100010': '*yama*', '00081030': '*knee*', '00080061': 'MR\\CT' }, ['2']],
    ['a name and a modality that it has not', { '00100010': '*yama*', '00080061': 'CT' }, []],
    ['brackets', { '00080050': '*[1]*' }, ['1']],
    ['part of a description with diacritics', { '00081030': '*SCHADEL*' }, ['1']],
    ['modalities, any of', { '00080061': 'MR\\XA' }, ['2', '3']],
    ['modalities by comma', { '00080061': 'MR,CT' }, ['1', '2', '4', '5']],
    ['a modality by wildcard', { '00080061': 'M*' }, ['2']],
    ['Modality at study level', { '00080060': 'XA' }, ['3']],
    ['a UID list by backslash', { '0020000D': '1.2.1\\1.2.3' }, ['1', '3']],
    ['a UID list by comma', { '0020000D': '1.2.1,1.2.3,9.9' }, ['1', '3']],
    ['a series UID', { '0020000E': '1.2.2.1' }, ['2']],
    ['a SOP Instance UID', { '00080018': '1.2.3.1.3' }, ['3']],
    ['an exact date', { '00080020': '20240201' }, ['2']],
    ['a date range', { '00080020': '20240101-20240201' }, ['1', '2']],
    ['a range open at its end', { '00080020': '20240201-' }, ['2', '3']],
    ['a range open at its start', { '00080020': '-20240201' }, ['1', '2']],
    ['a time by the hour', { '00080030': '16' }, ['2']],
    ['a time range', { '00080030': '0700-1700' }, ['1', '2']],
    ['date and time as one range', { '00080020': '20240101-20240301', '00080030': '1200-1800' }, ['2']],
    ['a DT range with offset', { '0008002A': '20240301090000-20240301093000' }, ['3']],
    ['a DT of less precision', { '0008002A': '202403' }, ['3']],
    ['a decimal by value', { '00101030': '71.50' }, ['1']],
    ['a binary number of a header', { '00280010': '512' }, ['3']],
    ['an age string', { '00101010': '042Y' }, ['1']],
    ['an attribute of the series', { '00181030': 'protocol*' }, ['3']],
    ['an attribute inside a sequence', { '0040A730.0040A160': 'cyst' }, ['3']],
    ['a private attribute', { '00090010': 'ACME', '00091001': 'sec*' }, ['3']],
    ['a wildcard never matches an absent value', { '00080050': '?*' }, ['1']],
    ['the number of instances', { '00201208': '1' }, ['1', '2', '3', '4', '5']],
  ])('matches %s', async (_, keys, expected) => {
    expect(await index.found('study', keys)).toEqual(expected);
  });

  it.each([
    ['doe*', ['Doe^Jane', 'Doe^John']],
    ['DOE^JOHN', ['Doe^John']],
    ['d*', ['Doe^Jane', 'Doe^John']],
    ['mull*', ['Müller^Jörg']],
    ['山田*', ['Yamada^Tarou']],
    ['山田^太郎', ['Yamada^Tarou']],
    ['やま*', ['Yamada^Tarou']],
    ['*oe^j*', ['Doe^Jane', 'Doe^John']],
    ['do?^jane', ['Doe^Jane']],
    ['doe*\\yama*', ['Doe^Jane', 'Doe^John', 'Yamada^Tarou']],
    ['zz*', []],
  ])('finds patients by the name %s, in the order of names', async (value, expected) => {
    const { answers } = await index.query('patient', { '00100010': value });
    expect(answers.map(({ attributes }) => (attributes['00100010']!.Value![0] as { Alphabetic: string }).Alphabetic)).toEqual(expected);
  });

  it('matches the SOP class of any instance above the instance level', async () => {
    const report = '1.2.840.10008.5.1.4.1.1.88.11';
    await index.add(
      study(8, { '0020000E': json('UI', '1.2.8.5'), '00100020': json('LO', 'SOP') }),
      study(8, { '0020000E': json('UI', '1.2.8.5'), '00100020': json('LO', 'SOP'), '00080016': json('UI', report) }),
      study(8, { '0020000E': json('UI', '1.2.8.6'), '00100020': json('LO', 'SOP') }),
    );
    expect(await index.found('study', { '00080016': report })).toEqual(['8']);
    expect(await index.found('series', { '00100020': 'SOP', '00080016': report })).toEqual(['5']);
    expect(await index.found('instance', { '00100020': 'SOP', '00080016': report })).toHaveLength(1);
  });

  it('keeps date and time apart when they are not to be combined', async () => {
    const keys = { '00080020': '20240101-20240301', '00080030': '0700-1800' };
    expect(await index.found('study', keys, { combineDateTime: false })).toEqual(['1', '2']);
    expect(await index.found('study', keys, { combineDateTime: true })).toEqual(['1', '2']);
    const late = { '00080020': '20240101-20240301', '00080030': '1200-1700' };
    expect(await index.found('study', late, { combineDateTime: true })).toEqual(['2']);
  });
});
