import type { DicomJson } from '@cairn/core';
import type { InstanceDocument, PatientDocument, SeriesDocument, StudyDocument } from './documents.ts';

/** The four levels of the query/retrieve information model (PS3.4 §C.6). */
export type QueryLevel = 'patient' | 'study' | 'series' | 'instance';

/** Path to an attribute: its tag, or tags of sequences and then the attribute's tag. */
export type AttributePath = readonly [string, ...string[]];

/**
 * One condition; all conditions of a plan must hold. Several `values` or patterns: one must match (list of UID matching,
 * multiple value matching). Text is matched folded (case, diacritics, width) where `folded` is true, else exactly.
 */
export type QueryClause =
  | { kind: 'equals'; path: AttributePath; vr: string; values: readonly string[]; folded: boolean }
  /** `*` any run, `?` one character; no escape exists (PS3.4 §C.2.2.2.4). */
  | { kind: 'wildcard'; path: AttributePath; vr: string; patterns: readonly string[]; folded: boolean }
  /** Person names: any component group; with `fuzzy` every word is a prefix of some name part, in any order. */
  | { kind: 'personName'; path: AttributePath; patterns: readonly string[]; fuzzy: boolean }
  /** Inclusive range of DA, TM or DT as the numbers of {@link dateNumber} and {@link timeNumber}; an open end is undefined. */
  | { kind: 'range'; path: AttributePath; vr: 'DA' | 'TM' | 'DT'; from?: number; to?: number }
  /** A date and a time attribute matched as one instant (combined date-time matching). */
  | {
      kind: 'dateTimeRange';
      datePath: AttributePath;
      timePath: AttributePath;
      from?: { date: number; time: number };
      to?: { date: number; time: number };
    }
  /** Numbers of IS, DS and binary numeric VRs, by value. */
  | { kind: 'number'; path: AttributePath; values: readonly number[] }
  /** Present without value, or absent (emptyvaluematching). */
  | { kind: 'empty'; path: AttributePath };

/** A query as the planner hands it to a store. */
export interface QueryPlan {
  level: QueryLevel;
  clauses: readonly QueryClause[];
  limit: number;
  offset: number;
  /** Continue after the row that gave this cursor; offset is then 0. */
  after?: string;
  /** Return the header of the row's representative instance (its own at instance level): for attributes that the documents lack. */
  withHeader: boolean;
  /** Return the patient's document with its counts; at patient level it always comes. */
  withPatient: boolean;
}

/** One match; documents of the row's level and of those above it (the patient's only where asked for). */
export interface QueryRow {
  /** Opaque; stands for this row's place in the total order. */
  cursor: string;
  patient?: PatientDocument;
  study?: StudyDocument;
  series?: SeriesDocument;
  instance?: InstanceDocument;
  /** At instance level always: the instance's own level attributes. */
  attributes?: DicomJson;
  header?: DicomJson;
}

/**
 * One page in the total order of its level. Patients: folded name, then key. Studies: date descending, undated ones last,
 * within a day a fixed order. Series and instances: their study's order, then number (without one: last), then UID.
 */
export interface QueryPage {
  rows: readonly QueryRow[];
  /** True when further rows match. */
  more: boolean;
}
