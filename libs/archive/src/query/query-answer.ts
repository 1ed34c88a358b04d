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
  /** Present when known. */
  known: ReadonlySet<string>;
  /** Everything of the level. */
  all: boolean;
  withHeader: boolean;
  withPatient: boolean;
}

const PATIENT_COUNTS = ['00201200', '00201202', '00201204'];

/** Decides from a query which attributes its answers have. */
export function answerShape(query: AttributeQuery): AnswerShape {
  const { level, include } = query;
  const required = new Set<string>();
  const known = new Set<string>();
  for (const answered of LEVELS.filter((one) => one === level || isAdded(one, query))) {
    for (const tag of ANSWER_ATTRIBUTES[answered].required) required.add(tag);
    for (const tag of ANSWER_ATTRIBUTES[answered].known) known.add(tag);
  }
  for (const { path } of query.keys) known.add(path[0]);
  if (include !== 'all') for (const tag of include) known.add(tag);
  const all = include === 'all';
  const asked = [...required, ...known];
  return {
    level,
    required,
    known,
    all,
    withHeader: (all && level === 'instance') || asked.some(isOnlyInHeader),
    withPatient: level === 'patient' || asked.some((tag) => PATIENT_COUNTS.includes(tag)),
  };
}

/** Makes the answer of a row. */
export function answerOf(row: QueryRow, shape: AnswerShape): QueryAnswer {
  const source = { ...computedElements(row), ...storedElements(row) };
  const attributes: Record<string, DicomJsonElement> = {};
  const wanted = new Set([...shape.required, ...shape.known, ...(shape.all ? tagsOfLevel(row, shape.level) : [])]);
  for (const tag of [...wanted].toSorted()) {
    const element = source[tag] ?? (shape.required.has(tag) ? { vr: vrOf(tag) } : undefined);
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

/** Levels above the one asked for whose attributes are added. Below the patient, those are part of the study's. */
function isAdded(level: QueryLevel, { level: asked, root = false, keys }: AttributeQuery): boolean {
  if (level === 'patient' || LEVELS.indexOf(level) >= LEVELS.indexOf(asked)) return false;
  const uid = level === 'study' ? '0020000D' : '0020000E';
  return root || !keys.some(({ path, value }) => path.length === 1 && path[0] === uid && value.trim() !== '');
}

/** What a document keeps of this level or above; attributes of lower levels are no part of an answer. */
function storedElements({ patient, study, series, attributes, header }: QueryRow): DicomJson {
  const documents = { ...patient?.attributes, ...study?.attributes, ...series?.attributes, ...attributes };
  if (header === undefined) return documents;
  const rest = Object.entries(header).filter(([tag]) => isOnlyInHeader(tag));
  return { ...Object.fromEntries(rest), ...documents };
}

/** True for what no document holds, only the headers of instances. */
function isOnlyInHeader(tag: string): boolean {
  return levelOfAttribute(tag) === undefined && !COMPUTED.has(tag);
}

/** Attributes that no data set is asked for. */
const COMPUTED = new Set(
  '00080054 00080056 00080061 00080062 00081190 00083002 00201200 00201202 00201204 00201206 00201208 00201209'.split(' '),
);

function computedElements({ patient, study, series, instance }: QueryRow): DicomJson {
  return {
    '00080056': { vr: 'CS', Value: ['ONLINE'] },
    ...(patient && {
      '00201200': integer(patient.numberOfStudies),
      '00201202': integer(patient.numberOfSeries),
      '00201204': integer(patient.numberOfInstances),
    }),
    ...(study && {
      '00080061': listOf('CS', study.modalities),
      '00080062': listOf('UI', study.sopClasses),
      '00201206': integer(study.numberOfSeries),
      '00201208': integer(study.numberOfInstances),
    }),
    ...(series && { '00201209': integer(series.numberOfInstances) }),
    ...(instance && { '00083002': { vr: 'UI', Value: [instance.versions.at(-1)!.transferSyntaxUid] } }),
  };
}

function tagsOfLevel({ patient, study, series, attributes, header }: QueryRow, level: QueryLevel): readonly string[] {
  const documents = { patient: patient?.attributes, study: study?.attributes, series: series?.attributes, instance: attributes };
  const ofHeader = level === 'instance' ? Object.keys(header ?? {}).filter(isOnlyInHeader) : [];
  return [...Object.keys(documents[level] ?? {}), ...ofHeader, ...(level === 'study' ? ['00080062'] : [])];
}

/** Values that only a bulk data resource gives are left out, also inside sequences. */
function withoutBulk(element: DicomJsonElement): DicomJsonElement | undefined {
  if (element.BulkDataURI !== undefined) return undefined;
  if (element.vr !== 'SQ' || element.Value === undefined) return element;
  const items = (element.Value as readonly DicomJson[]).map((item) =>
    Object.fromEntries(
      Object.entries(item ?? {}).flatMap(([tag, nested]) => {
        const deliverable = withoutBulk(nested);
        return deliverable === undefined ? [] : [[tag, deliverable]];
      }),
    ),
  );
  return { ...element, Value: items as readonly DicomJson[] };
}

function integer(value: number): DicomJsonElement {
  return { vr: 'IS', Value: [value] };
}

function listOf(vr: string, values: readonly string[]): DicomJsonElement {
  return values.length === 0 ? { vr } : { vr, Value: values };
}
