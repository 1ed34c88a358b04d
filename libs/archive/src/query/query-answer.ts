import type { DicomJson, DicomJsonElement } from '@cairn/core';
import { vrOf } from '@cairn/dicom';
import { levelOfAttribute } from '@cairn/metadata-store';
import type { QueryLevel, QueryRow } from '@cairn/metadata-store';
import { ANSWER_ATTRIBUTES, LEVELS } from './answer-attributes.ts';
import type { AttributeQuery, QueryAnswer } from './attribute-query.ts';

/** Which attributes the answers of a query have. */
export interface AnswerShape {
  level: QueryLevel;
  /** Present in any case. */
  required: ReadonlySet<string>;
  /** Present in any case or when known, in ascending order. */
  wanted: readonly string[];
  /** Everything of the level beside. */
  all: boolean;
  withHeader: boolean;
  withPatient: boolean;
}

const PATIENT_COUNTS = ['00201200', '00201202', '00201204'];

/** What the archive tells itself. RetrieveAETitle and RetrieveURL are left to the services, which know where they are reached. */
const COMPUTED: Readonly<Record<string, (row: QueryRow) => DicomJsonElement | undefined>> = {
  '00080054': () => undefined,
  '00080056': () => ({ vr: 'CS', Value: ['ONLINE'] }),
  '00080061': ({ study }) => study && listOf('CS', study.modalities),
  '00080062': ({ study }) => study && listOf('UI', study.sopClasses),
  '00081190': () => undefined,
  '00083002': ({ instance }) => instance && listOf('UI', [instance.versions.at(-1)!.transferSyntaxUid]),
  '00201200': ({ patient }) => patient && integer(patient.numberOfStudies),
  '00201202': ({ patient }) => patient && integer(patient.numberOfSeries),
  '00201204': ({ patient }) => patient && integer(patient.numberOfInstances),
  '00201206': ({ study }) => study && integer(study.numberOfSeries),
  '00201208': ({ study }) => study && integer(study.numberOfInstances),
  '00201209': ({ series }) => series && integer(series.numberOfInstances),
};

/** Decides from a query which attributes its answers have. */
export function answerShape(query: AttributeQuery): AnswerShape {
  const { level, include } = query;
  const answered = LEVELS.filter((one) => one === level || isAdded(one, query)).map((one) => ANSWER_ATTRIBUTES[one]);
  const required = new Set(answered.flatMap((attributes) => attributes.required));
  const known = answered.flatMap((attributes) => attributes.known);
  const all = include === 'all';
  const wanted = new Set([...required, ...known, ...query.keys.map(({ path }) => path[0]), ...(all ? [] : include)]);
  return {
    level,
    required,
    wanted: [...wanted].toSorted(compareTags),
    all,
    withHeader: (all && level === 'instance') || [...wanted].some(isOnlyInHeader),
    withPatient: level === 'patient' || PATIENT_COUNTS.some((tag) => wanted.has(tag)),
  };
}

/** Makes the answer of a row. */
export function answerOf(row: QueryRow, shape: AnswerShape): QueryAnswer {
  const attributes: Record<string, DicomJsonElement> = {};
  const wanted = shape.all ? [...new Set([...shape.wanted, ...tagsOfLevel(row, shape.level)])].toSorted(compareTags) : shape.wanted;
  for (const tag of wanted) {
    const element = elementOf(row, tag) ?? (shape.required.has(tag) ? { vr: vrOf(tag) } : undefined);
    const deliverable = element && withoutBulk(element);
    if (deliverable !== undefined) attributes[tag] = deliverable;
  }
  const { study, series, instance } = row;
  return {
    attributes,
    ...(study && { studyInstanceUid: study.studyInstanceUid }),
    ...(series && { seriesInstanceUid: series.seriesInstanceUid }),
    ...(instance && { sopInstanceUid: instance.sopInstanceUid }),
    cursor: row.cursor,
  };
}

/** Levels above the one asked for whose attributes are added. Those of the patient are part of the study's. */
function isAdded(level: QueryLevel, { level: asked, root = false, keys }: AttributeQuery): boolean {
  if (level === 'patient' || LEVELS.indexOf(level) >= LEVELS.indexOf(asked)) return false;
  const uid = level === 'study' ? '0020000D' : '0020000E';
  return root || !keys.some(({ path, value }) => path.length === 1 && path[0] === uid && value.trim() !== '');
}

/** An element of the row: computed, or from the document that keeps it. Attributes of lower levels are no part of an answer. */
function elementOf(row: QueryRow, tag: string): DicomJsonElement | undefined {
  const compute = COMPUTED[tag];
  if (compute !== undefined) return compute(row);
  const level = levelOfAttribute(tag);
  return level === undefined ? row.header?.[tag] : documentOf(row, level)?.[tag];
}

/** The attributes of a level, from the document of the row that keeps them; a study's has its patient's too. */
function documentOf(row: QueryRow, level: QueryLevel): DicomJson | undefined {
  switch (level) {
    case 'patient':
      return (row.study ?? row.patient)?.attributes;
    case 'study':
      return row.study?.attributes;
    case 'series':
      return row.series?.attributes;
    case 'instance':
      return row.attributes;
  }
}

/** True for what no document holds, only the headers of instances. */
function isOnlyInHeader(tag: string): boolean {
  return levelOfAttribute(tag) === undefined && !(tag in COMPUTED);
}

function tagsOfLevel(row: QueryRow, level: QueryLevel): readonly string[] {
  const own = Object.keys(documentOf(row, level) ?? {});
  if (level === 'study') return ['00080062', ...own];
  return level === 'instance' ? [...own, ...Object.keys(row.header ?? {}).filter(isOnlyInHeader)] : own;
}

/** Values that only a bulk data resource gives are left out, also inside sequences. */
function withoutBulk(element: DicomJsonElement): DicomJsonElement | undefined {
  if (element.BulkDataURI !== undefined) return undefined;
  if (element.vr !== 'SQ' || element.Value === undefined) return element;
  const items = element.Value as readonly (DicomJson | null)[];
  return { ...element, Value: items.map((item) => itemWithoutBulk(item ?? {})) };
}

function itemWithoutBulk(item: DicomJson): DicomJson {
  const kept: DicomJson = {};
  for (const [tag, nested] of Object.entries(item)) {
    const deliverable = withoutBulk(nested);
    if (deliverable !== undefined) kept[tag] = deliverable;
  }
  return kept;
}

function integer(value: number): DicomJsonElement {
  return { vr: 'IS', Value: [value] };
}

function listOf(vr: string, values: readonly string[]): DicomJsonElement {
  return values.length === 0 ? { vr } : { vr, Value: values };
}

function compareTags(a: string, b: string): number {
  return a < b ? -1 : 1;
}
