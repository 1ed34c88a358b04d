import type { SeriesDocument, StudyDocument } from '../../documents.ts';
import type { QueryPage, QueryRow } from '../../query.ts';

/** A row on its way between threads: its study and series are numbers of documents that the page holds once. */
interface SentRow extends Omit<QueryRow, 'study' | 'series'> {
  study?: number;
  series?: number;
}

/** A page on its way between threads. */
interface SentPage {
  rows: readonly SentRow[];
  studies: readonly StudyDocument[];
  series: readonly SeriesDocument[];
  more: boolean;
}

/** Documents that rows share: instances of one series would else repeat it and its study in every row. */
export class SharedDocuments {
  readonly #numbers = new Map<object, number>();
  readonly #texts: string[] = [];

  /** The number of the document made of a database row, whose JSON text is asked for once. */
  numberOf(row: object, text: () => string): number {
    const known = this.#numbers.get(row);
    if (known !== undefined) return known;
    this.#numbers.set(row, this.#texts.length);
    return this.#texts.push(text()) - 1;
  }

  /** JSON text of all documents, in the order of their numbers. */
  get text(): string {
    return `[${this.#texts.join(',')}]`;
  }
}

/** The text of a page for {@link readPage}. */
export function pageText(rows: readonly string[], more: boolean, studies: SharedDocuments, series: SharedDocuments): string {
  return `{"rows":[${rows.join(',')}],"studies":${studies.text},"series":${series.text},"more":${more}}`;
}

/** The page of a text. Documents that several rows have are the same objects. */
export function readPage(text: string): QueryPage {
  const { rows, studies, series, more } = JSON.parse(text) as SentPage;
  return {
    rows: rows.map(({ study, series: one, ...row }) => ({
      ...row,
      ...(study === undefined ? {} : { study: studies[study]! }),
      ...(one === undefined ? {} : { series: series[one]! }),
    })),
    more,
  };
}
