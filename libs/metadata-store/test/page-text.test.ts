import { describe, expect, it } from '@jest/globals';
import { SharedDocuments, pageText, readPage } from '../src/sqlite/query/page-text.ts';

describe('a page between threads', () => {
  const studyRow = {};
  const seriesRows = [{}, {}] as const;

  function pageOfThreeInstances(): { text: string; made: string[] } {
    const made: string[] = [];
    const make = (name: string) => (): string => {
      made.push(name);
      return `{"seriesInstanceUid":"${name}"}`;
    };
    const studies = new SharedDocuments();
    const series = new SharedDocuments();
    const rows = [0, 0, 1].map((index, position) => {
      const study = studies.numberOf(studyRow, make('study'));
      return `{"cursor":"${position}","study":${study},"series":${series.numberOf(seriesRows[index]!, make(`series ${index}`))}}`;
    });
    return { text: pageText(rows, true, studies, series), made };
  }

  it('holds a document that rows share once', () => {
    expect(pageOfThreeInstances().made).toEqual(['study', 'series 0', 'series 1']);
  });

  it('gives every row its own series and their common study', () => {
    const { rows, more } = readPage(pageOfThreeInstances().text);
    expect(more).toBe(true);
    expect(rows.map(({ cursor, series }) => [cursor, series?.seriesInstanceUid])).toEqual([
      ['0', 'series 0'],
      ['1', 'series 0'],
      ['2', 'series 1'],
    ]);
    expect(rows[2]!.study).toBe(rows[0]!.study);
  });

  it('leaves out what the rows of a level do not have', () => {
    const text = pageText(['{"cursor":"a","patient":{"patientKey":"k"}}'], false, new SharedDocuments(), new SharedDocuments());
    expect(readPage(text)).toEqual({ rows: [{ cursor: 'a', patient: { patientKey: 'k' } }], more: false });
  });
});
