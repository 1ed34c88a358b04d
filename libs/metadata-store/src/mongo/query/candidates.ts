import type { DicomJson } from '@cairn/core';
import { elementsOfLevel } from '../../elements.ts';
import { levelOfAttribute } from '../../levels.ts';
import { compileClause } from '../../match.ts';
import type { ElementSource } from '../../match.ts';
import type { QueryClause, QueryLevel } from '../../query.ts';
import type { Collections, StoredInstance, StoredPatient, StoredSeries, StoredStudy } from '../collections.ts';
import { receiptOf } from '../derive-index.ts';
import { readTexts } from '../receipt-texts.ts';
import type { CursorKey } from './cursor.ts';

/** A document of the plan's level that may match, with those above it. */
export interface Candidate {
  key: CursorKey;
  patient?: StoredPatient;
  study?: StoredStudy;
  series?: StoredSeries;
  instance?: StoredInstance;
}

/** The receipt whose header stands for a candidate. */
export function receiptOfCandidate({ patient, study, series, instance }: Candidate): string {
  return receiptOf((instance?.current ?? series?.representative ?? study?.representative ?? patient?.representative)!);
}

/** Keeps the candidates for which all clauses hold; reads what they ask for beyond the candidates' documents. */
export class Predicates {
  readonly #collections: Collections;
  readonly #tenant: string;
  readonly #predicates: readonly ((source: ElementSource) => boolean)[];
  readonly #needsHeader: boolean;
  readonly #needsSeries: boolean;

  constructor(collections: Collections, tenant: string, level: QueryLevel, clauses: readonly QueryClause[]) {
    this.#collections = collections;
    this.#tenant = tenant;
    this.#predicates = clauses.map(compileClause);
    const levels = clauses.flatMap(tagsOf).map(levelOfAttribute);
    this.#needsSeries = level === 'study' && levels.includes('series');
    this.#needsHeader = levels.some(
      (of) => of === undefined || (of === 'instance' && level !== 'instance') || (level === 'patient' && of !== 'patient'),
    );
  }

  async keep(candidates: readonly Candidate[]): Promise<readonly Candidate[]> {
    if (this.#predicates.length === 0 || candidates.length === 0) return candidates;
    const headers = this.#needsHeader ? await this.#headers(candidates) : new Map<string, string>();
    const seriesOf = this.#needsSeries ? await this.#seriesOf(candidates) : new Map<string, readonly DicomJson[]>();
    return candidates.filter((candidate) => {
      const header = lazyJson(headers.get(receiptOfCandidate(candidate)));
      const source = elementsOf(candidate, header, () => seriesOf.get(candidate.study!._id) ?? []);
      return this.#predicates.every((holds) => holds(source));
    });
  }

  async #headers(candidates: readonly Candidate[]): Promise<ReadonlyMap<string, string>> {
    const texts = await readTexts(this.#collections.receiptTexts, this.#tenant, candidates.map(receiptOfCandidate), { header: true });
    return new Map([...texts].map(([ulid, { header = '{}' }]) => [ulid, header]));
  }

  async #seriesOf(candidates: readonly Candidate[]): Promise<ReadonlyMap<string, readonly DicomJson[]>> {
    const study = { $in: candidates.map((candidate) => candidate.study!._id) };
    const found = await this.#collections.series.find({ study }, { projection: { study: 1, attributes: 1 } }).toArray();
    const byStudy = Map.groupBy(found, (series) => series.study);
    return new Map([...byStudy].map(([id, own]) => [id, own.map(({ attributes = '{}' }) => JSON.parse(attributes) as DicomJson)]));
  }
}

function elementsOf(
  { patient, study, series, instance }: Candidate,
  header: () => DicomJson,
  allSeries: () => readonly DicomJson[],
): ElementSource {
  if (study === undefined) {
    const attributes = lazyJson(patient!.attributes);
    // What is not the patient's own comes from the header of its earliest study.
    return (tag) => (levelOfAttribute(tag) === 'patient' ? attributes() : header())[tag];
  }
  return elementsOfLevel({
    study: {
      attributes: lazyJson(study.attributes),
      allSeries,
      modalities: () => study.modalities!,
      sopClasses: () => study.sopClasses!,
      series: study.series!,
      instances: study.instances!,
    },
    ...(series && {
      series: { attributes: lazyJson(series.attributes), sopClasses: () => series.sopClasses!, instances: series.instances! },
    }),
    ...(instance && { instance: { attributes: lazyJson(instance.attributes) } }),
    header,
  });
}

function tagsOf(clause: QueryClause): readonly string[] {
  return clause.kind === 'dateTimeRange' ? [clause.datePath[0], clause.timePath[0]] : [clause.path[0]];
}

function lazyJson(text: string | undefined): () => DicomJson {
  let value: DicomJson | undefined;
  return () => (value ??= JSON.parse(text ?? '{}') as DicomJson);
}
