import type { QueryAnswers, QueryKey } from '@cairn/archive';
import { QueryPlanner } from '@cairn/archive';
import type { AttributeQuery } from '@cairn/archive';
import type { DicomJson, DicomJsonElement, Scope } from '@cairn/core';
import { systemScope } from '@cairn/core';
import type { InstanceReceipt } from '@cairn/metadata-store';
import { SqliteMetadataStore } from '@cairn/metadata-store/sqlite';
import { makeTempDir } from '@cairn/testing';

/** Attributes of an instance of a test, by tag; undefined removes a default. */
export type Attributes = Readonly<Record<string, DicomJsonElement | undefined>>;

/** An element of the DICOM JSON model. */
export function json(vr: string, ...values: NonNullable<DicomJsonElement['Value']>): DicomJsonElement {
  return values.length === 0 ? { vr } : { vr, Value: values };
}

/** A person name. */
export function name(Alphabetic: string, Ideographic?: string, Phonetic?: string): DicomJsonElement {
  return json('PN', { Alphabetic, ...(Ideographic && { Ideographic }), ...(Phonetic && { Phonetic }) });
}

/** An index with a query planner on it, for one test file. */
export class TestIndex {
  readonly scope: Scope = systemScope('default');
  readonly store: SqliteMetadataStore;
  readonly planner: QueryPlanner;
  readonly #remove: () => Promise<void>;
  #receipts = 0;

  private constructor(store: SqliteMetadataStore, remove: () => Promise<void>) {
    this.store = store;
    this.planner = new QueryPlanner(store, { maxLimit: 1000 });
    this.#remove = remove;
  }

  static async open(): Promise<TestIndex> {
    const folder = await makeTempDir();
    return new TestIndex(await SqliteMetadataStore.open({ file: `${folder.path}/index.db` }), () => folder.remove());
  }

  async close(): Promise<void> {
    await this.store.close();
    await this.#remove();
  }

  /** Adds instances with these attributes; UIDs default to one series of one study. */
  async add(...instances: readonly Attributes[]): Promise<void> {
    await this.store.recordReceipts(
      this.scope,
      instances.map((attributes) => this.#receipt(attributes)),
    );
  }

  /** Answers of a query; the default limit is 100. */
  query(
    level: AttributeQuery['level'],
    keys: Readonly<Record<string, string>>,
    options: Partial<AttributeQuery> = {},
  ): Promise<QueryAnswers> {
    const query: AttributeQuery = {
      level,
      keys: Object.entries(keys).map(([path, value]): QueryKey => ({ path: path.split('.') as [string, ...string[]], value })),
      include: [],
      fuzzy: false,
      combineDateTime: true,
      limit: 100,
      offset: 0,
      ...options,
    };
    return this.planner.query(this.scope, query);
  }

  /** The last components of the UIDs that match, sorted. */
  async found(
    level: AttributeQuery['level'],
    keys: Readonly<Record<string, string>>,
    options: Partial<AttributeQuery> = {},
  ): Promise<string[]> {
    const { answers } = await this.query(level, keys, options);
    const uids = answers.map(
      ({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }) => sopInstanceUid ?? seriesInstanceUid ?? studyInstanceUid,
    );
    return uids.map((uid) => uid!.slice(uid!.lastIndexOf('.') + 1)).toSorted();
  }

  #receipt(attributes: Attributes): InstanceReceipt {
    this.#receipts += 1;
    const number = this.#receipts;
    const study = text(attributes, '0020000D') ?? '1.2.1';
    const series = text(attributes, '0020000E') ?? `${study}.1`;
    const sop = text(attributes, '00080018') ?? `${series}.${number}`;
    const all: Attributes = {
      '00080016': json('UI', '1.2.840.10008.5.1.4.1.1.2'),
      '00080060': json('CS', 'CT'),
      ...attributes,
      '00080018': json('UI', sop),
      '0020000D': json('UI', study),
      '0020000E': json('UI', series),
    };
    const header: DicomJson = Object.fromEntries(Object.entries(all).flatMap(([tag, element]) => (element ? [[tag, element]] : [])));
    const digest = number.toString(16).padStart(64, '0');
    return {
      ulid: `01${String(number).padStart(24, '0')}`,
      studyInstanceUid: study,
      seriesInstanceUid: series,
      sopInstanceUid: sop,
      sopClassUid: text(all, '00080016')!,
      transferSyntaxUid: '1.2.840.10008.1.2.1',
      sha256DataSet: digest,
      sha256Meta: digest,
      sha256Elements: digest,
      sizeBytes: 100,
      dataSetOffset: 0,
      location: { key: `landing/default/2024013110/${number}.dcm`, offset: 0, length: 100 },
      source: { protocol: 'stow' },
      header: JSON.stringify(header),
      bulk: '{}',
      defaultIssuer: '',
    };
  }
}

function text(attributes: Attributes, tag: string): string | undefined {
  const value = attributes[tag]?.Value?.[0];
  return typeof value === 'string' ? value : undefined;
}
