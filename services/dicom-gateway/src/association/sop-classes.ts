/** Query/retrieve information models (PS3.4 §C.6): which levels each has, and which level its hierarchy begins with. */
export interface InformationModel {
  name: string;
  levels: readonly RetrieveLevel[];
  /** Levels above the one asked for need their unique key, unless relational retrieval was negotiated. */
  hierarchical: boolean;
}

/** Values of QueryRetrieveLevel (0008,0052). */
export type RetrieveLevel = 'PATIENT' | 'STUDY' | 'SERIES' | 'IMAGE';

const PATIENT_ROOT: InformationModel = { name: 'Patient Root', levels: ['PATIENT', 'STUDY', 'SERIES', 'IMAGE'], hierarchical: true };
const STUDY_ROOT: InformationModel = { name: 'Study Root', levels: ['STUDY', 'SERIES', 'IMAGE'], hierarchical: true };
const PATIENT_STUDY_ONLY: InformationModel = { name: 'Patient/Study Only', levels: ['PATIENT', 'STUDY'], hierarchical: true };
const COMPOSITE_INSTANCE_ROOT: InformationModel = { name: 'Composite Instance Root', levels: ['IMAGE'], hierarchical: false };

/** SOP classes of C-FIND. */
export const FIND_MODELS: ReadonlyMap<string, InformationModel> = new Map([
  ['1.2.840.10008.5.1.4.1.2.1.1', PATIENT_ROOT],
  ['1.2.840.10008.5.1.4.1.2.2.1', STUDY_ROOT],
  ['1.2.840.10008.5.1.4.1.2.3.1', PATIENT_STUDY_ONLY],
]);

/** SOP classes of C-MOVE. */
export const MOVE_MODELS: ReadonlyMap<string, InformationModel> = new Map([
  ['1.2.840.10008.5.1.4.1.2.1.2', PATIENT_ROOT],
  ['1.2.840.10008.5.1.4.1.2.2.2', STUDY_ROOT],
  ['1.2.840.10008.5.1.4.1.2.3.2', PATIENT_STUDY_ONLY],
  ['1.2.840.10008.5.1.4.1.2.4.2', COMPOSITE_INSTANCE_ROOT],
]);

/** SOP classes of C-GET. */
export const GET_MODELS: ReadonlyMap<string, InformationModel> = new Map([
  ['1.2.840.10008.5.1.4.1.2.1.3', PATIENT_ROOT],
  ['1.2.840.10008.5.1.4.1.2.2.3', STUDY_ROOT],
  ['1.2.840.10008.5.1.4.1.2.3.3', PATIENT_STUDY_ONLY],
  ['1.2.840.10008.5.1.4.1.2.4.3', COMPOSITE_INSTANCE_ROOT],
]);

/** The unique key of each level (PS3.4 §C.6.1.1), from the top. */
export const UNIQUE_KEYS: readonly { level: RetrieveLevel; tag: string }[] = [
  { level: 'PATIENT', tag: '00100020' },
  { level: 'STUDY', tag: '0020000D' },
  { level: 'SERIES', tag: '0020000E' },
  { level: 'IMAGE', tag: '00080018' },
];
