import type { DicomJson, Scope } from '@cairn/core';
import type { AttributePath, QueryLevel } from '@cairn/metadata-store';

/** One key with the value as the client wrote it (DICOM matching grammar, UTF-8); an empty value is universal matching. */
export interface QueryKey {
  path: AttributePath;
  /** From the dictionary, or from the query's data set for private attributes. */
  vr?: string;
  value: string;
}

/** A query of QIDO-RS or C-FIND, before planning. */
export interface AttributeQuery {
  level: QueryLevel;
  keys: readonly QueryKey[];
  /** Attributes to return beside the level's own: paths' first tags, or everything of the level. */
  include: readonly string[] | 'all';
  fuzzy: boolean;
  /** Combine date and time keys into one range (PS3.4 §C.2.2.2.5). Default true over the web, by negotiation in DIMSE. */
  combineDateTime: boolean;
  /** `empty` values match only empty ones (QIDO emptyvaluematching) where a key's value is `""`. */
  emptyValueMatching?: boolean;
  /**
   * Asked at the service's root: attributes of the levels above are added even where their UID is a key. Otherwise those of
   * the study only without a StudyInstanceUID, those of the series only without a SeriesInstanceUID (PS3.18 §10.6.3.3).
   */
  root?: boolean;
  limit: number;
  offset: number;
  after?: string;
}

/** One answer: attributes of the level asked for (and above), computed ones included; keys in ascending order of tags. */
export interface QueryAnswer {
  attributes: DicomJson;
  studyInstanceUid?: string;
  seriesInstanceUid?: string;
  sopInstanceUid?: string;
  cursor: string;
}

/** A page of answers. */
export interface QueryAnswers {
  answers: readonly QueryAnswer[];
  /** True when more match; `answers.at(-1).cursor` continues. */
  more: boolean;
}

/** The one query engine behind QIDO-RS and C-FIND. */
export interface QueryEngine {
  /** Throws `query.invalid-value`, `query.unknown-attribute`, `query.invalid-paging` with the key's tag in `details.attribute`. */
  query(scope: Scope, query: AttributeQuery, signal?: AbortSignal): Promise<QueryAnswers>;
}
