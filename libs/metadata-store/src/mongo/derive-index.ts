import { changeCount, compareTexts, patientKeyOf } from '../derive.ts';
import type { DerivedInstance } from '../derive.ts';
import { splitByLevel } from '../levels.ts';
import { foldedName, foldedText, studySearchFields } from '../search-fields.ts';
import { studyPlace } from '../place.ts';
import { firstInteger, firstText } from '../values.ts';
import type { DicomJson } from '@cairn/core';
import type { Collections, StoredInstance, StoredPatient, StoredSeries, StoredStudy } from './collections.ts';
import { deriveDocuments, touch } from './derive-documents.ts';
import type { Derivation } from './derive-documents.ts';
import { derivedInstanceOf, factsOf, recordsOf } from './instances.ts';
import { idOf, numberOrder, patientOrder, studyOrder } from './keys.ts';
import type { ParsedReceipts } from './receipt-texts.ts';
import { nameTokens, studyIndexTokens } from './tokens.ts';

/** Derives the given instances and every series, study and patient above them anew, each level from the one below. */
export async function deriveIndex(
  collections: Collections,
  tenant: string,
  parsed: ParsedReceipts,
  instanceIds: readonly string[],
): Promise<void> {
  const { instances, series, studies, patients } = collections;
  await deriveDocuments(instances, instanceIds, (ids) => deriveInstances(collections, tenant, parsed, ids));
  const projection = { study: 1, series: 1, present: 1 };
  const present = (await instances.find({ _id: { $in: [...instanceIds] } }, { projection }).toArray()).filter((one) => one.present === 1);
  const seriesFields = new Map(present.map((one) => [one.series, { study: one.study, uid: uidOfSeries(tenant, one.series) }]));
  await touch<StoredSeries>(series, tenant, seriesFields);
  await deriveDocuments(series, [...seriesFields.keys()], (ids) => deriveSeries(collections, parsed, ids));
  const studyIds = [...new Set(present.map(({ study }) => study))];
  await touch<StoredStudy>(studies, tenant, new Map(studyIds.map((id) => [id, {}])));
  await deriveDocuments(studies, studyIds, (ids) => deriveStudies(collections, tenant, parsed, ids));
  const ever = await studies.find({ _id: { $in: studyIds } }, { projection: { patients: 1 } }).toArray();
  const patientIds = [...new Set(ever.flatMap((study) => study.patients ?? []))];
  await touch<StoredPatient>(patients, tenant, new Map(patientIds.map((id) => [id, {}])));
  await deriveDocuments(patients, patientIds, (ids) => derivePatients(collections, ids));
}

async function deriveInstances(
  { instances }: Collections,
  tenant: string,
  parsed: ParsedReceipts,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Derivation<StoredInstance>>> {
  const stored = await instances.find({ _id: { $in: [...ids] } }).toArray();
  const derived = stored.map((one) => ({ one, derivation: derivedInstanceOf(one) }));
  await parsed.load(derived.flatMap(({ derivation }) => derivation?.keptReceipts.at(-1) ?? []));
  const result = new Map<string, Derivation<StoredInstance>>();
  for (const { one, derivation } of derived) {
    if (derivation === undefined) result.set(one._id, { set: {} });
    else {
      const set = instanceFields(tenant, one, derivation, parsed);
      if (set !== undefined) result.set(one._id, { set });
    }
  }
  return result;
}

/** What is derived of an instance; undefined when the texts of its current receipt are not at hand. */
export function instanceFields(
  tenant: string,
  stored: StoredInstance,
  { document, current, keptReceipts }: DerivedInstance,
  parsed: ParsedReceipts,
): Partial<StoredInstance> | undefined {
  const kept = keptReceipts.at(-1)!;
  const attributes = parsed.get(kept)?.byLevel.instance;
  if (attributes === undefined) return undefined;
  const number = firstInteger(attributes, '00200013');
  const located = document.versions.flatMap(({ receipts }) => receipts.filter(({ location }) => location !== undefined));
  const duplicates = located
    .map(({ ulid }) => ulid)
    .filter((ulid) => !keptReceipts.includes(ulid))
    .toSorted(compareTexts);
  return {
    present: 1,
    order: numberOrder(number, document.sopInstanceUid),
    number: number ?? null,
    sopClass: current.sopClassUid,
    size: current.sizeBytes,
    version: changeCount(recordsOf(stored), factsOf(stored)),
    current: `${current.ulid}|${kept}`,
    attributes: JSON.stringify(attributes),
    duplicates,
    firstDuplicate: duplicates.length === 0 ? '' : idOf(tenant, duplicates[0]!),
  };
}

interface SeriesSum {
  _id: string;
  instances: number;
  size: number;
  version: number;
  representative: string | null;
  sopClasses: string[];
}

async function deriveSeries(
  { instances }: Collections,
  parsed: ParsedReceipts,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Derivation<StoredSeries>>> {
  const sums = await instances
    .aggregate<SeriesSum>([
      { $match: { series: { $in: [...ids] } } },
      {
        $group: {
          _id: '$series',
          instances: { $sum: '$present' },
          size: { $sum: '$size' },
          version: { $sum: '$version' },
          representative: { $min: '$current' },
          sopClasses: { $addToSet: '$sopClass' },
        },
      },
    ])
    .toArray();
  await parsed.load(sums.flatMap(({ representative }) => (representative === null ? [] : [receiptOf(representative)])));
  return new Map(sums.flatMap((sum) => seriesDerivation(sum, parsed)));
}

function seriesDerivation(sum: SeriesSum, parsed: ParsedReceipts): [string, Derivation<StoredSeries>][] {
  const { _id, representative, sopClasses, ...counts } = sum;
  const header = representative === null ? undefined : parsed.get(receiptOf(representative));
  if (representative === null || header === undefined) return [];
  const attributes = header.byLevel.series;
  const seriesUid = uidsOf(_id)[1]!;
  const set: Partial<StoredSeries> = {
    studyUid: uidsOf(_id)[0]!,
    seriesUid,
    order: numberOrder(firstInteger(attributes, '00200011'), seriesUid),
    modality: firstText(attributes, '00080060'),
    attributes: JSON.stringify(attributes),
    representative,
    sopClasses: sopClasses.toSorted(compareTexts),
    ...counts,
  };
  return [[_id, { set }]];
}

async function deriveStudies(
  { series }: Collections,
  tenant: string,
  parsed: ParsedReceipts,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Derivation<StoredStudy>>> {
  const all = (await series.find({ study: { $in: [...ids] } }, { projection: { attributes: 0 } }).toArray()).filter(isDerived);
  const byStudy = Map.groupBy(all, ({ study }) => study);
  const smallest = new Map([...byStudy].map(([id, own]) => [id, earliest(own).representative!]));
  await parsed.load([...smallest.values()].map(receiptOf));
  const derivations = [...byStudy].map(([id, own]) => [id, studyDerivation(tenant, own, smallest.get(id)!, parsed)] as const);
  return new Map(derivations.flatMap(([id, derivation]) => (derivation === undefined ? [] : [[id, derivation] as const])));
}

function studyDerivation(
  tenant: string,
  series: readonly StoredSeries[],
  representative: string,
  parsed: ParsedReceipts,
): Derivation<StoredStudy> | undefined {
  const header = parsed.get(receiptOf(representative));
  if (header === undefined) return undefined;
  const studyUid = series[0]!.studyUid!;
  const attributes: DicomJson = { ...header.byLevel.patient, ...header.byLevel.study };
  const patientKey = patientKeyOf(header.byLevel.patient, studyUid, header.defaultIssuer);
  const patient = idOf(tenant, patientKey);
  const fields = studySearchFields(attributes);
  const modalities = distinct(series.map(({ modality = '' }) => modality).filter((modality) => modality !== ''));
  const set: Partial<StoredStudy> = {
    studyUid,
    order: studyOrder(studyPlace(attributes, studyUid), studyUid),
    patient,
    patientKey,
    patientId: fields.patientId,
    accessionNumber: fields.accessionNumber,
    tokens: [...studyIndexTokens(fields, modalities)],
    modalities: [...modalities],
    sopClasses: [...distinct(series.flatMap(({ sopClasses = [] }) => sopClasses))],
    attributes: JSON.stringify(attributes),
    representative,
    series: series.length,
    instances: sum(series, 'instances'),
    size: sum(series, 'size'),
    version: sum(series, 'version'),
  };
  return { set, add: { patients: patient } };
}

async function derivePatients({ studies }: Collections, ids: readonly string[]): Promise<ReadonlyMap<string, Derivation<StoredPatient>>> {
  const projection = { patient: 1, patientKey: 1, representative: 1, series: 1, instances: 1 };
  const byPatient = Map.groupBy(await studies.find({ patient: { $in: [...ids] } }, { projection }).toArray(), ({ patient }) => patient!);
  const representatives = [...byPatient.values()].map((own) => earliest(own)._id);
  const found = await studies.find({ _id: { $in: representatives } }, { projection: { attributes: 1 } }).toArray();
  const attributesOf = new Map(found.map(({ _id, attributes = '{}' }) => [_id, JSON.parse(attributes) as DicomJson]));
  return new Map(
    ids.map((id): [string, Derivation<StoredPatient>] => {
      const own = byPatient.get(id);
      return [id, own === undefined ? 'gone' : { set: patientFields(own, attributesOf.get(earliest(own)._id)!) }];
    }),
  );
}

function patientFields(studies: readonly StoredStudy[], studyAttributes: DicomJson): Partial<StoredPatient> {
  const { patientKey, representative } = earliest(studies);
  const attributes = splitByLevel(studyAttributes).patient;
  const name = foldedName(attributes, '00100010');
  return {
    patientKey: patientKey!,
    order: patientOrder(name, patientKey!),
    patientId: foldedText(attributes, '00100020'),
    tokens: [...nameTokens(name)],
    attributes: JSON.stringify(attributes),
    representative: representative!,
    studies: studies.length,
    series: sum(studies, 'series'),
    instances: sum(studies, 'instances'),
  };
}

/** The ULID of the receipt that serves a representative. */
export function receiptOf(current: string): string {
  return current.slice(current.indexOf('|') + 1);
}

/** The ULID of the version that represents. */
export function versionOf(current: string): string {
  return current.slice(0, current.indexOf('|'));
}

function isDerived(document: { derived?: string }): boolean {
  return document.derived !== undefined;
}

function earliest<T extends { representative?: string }>(documents: readonly T[]): T {
  return documents.toSorted((a, b) => compareTexts(a.representative ?? '~', b.representative ?? '~'))[0]!;
}

function distinct(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].toSorted(compareTexts);
}

function sum<K extends string>(documents: readonly Partial<Record<K, number>>[], field: K): number {
  return documents.reduce((total, document) => total + (document[field] ?? 0), 0);
}

/** The UIDs in the identity string of a series. */
function uidsOf(id: string): readonly string[] {
  return id
    .split('|')
    .slice(1)
    .map((part) => part.replaceAll('%7C', '|').replaceAll('%25', '%'));
}

function uidOfSeries(tenant: string, id: string): string {
  return idOf(tenant, uidsOf(id)[1]!);
}
