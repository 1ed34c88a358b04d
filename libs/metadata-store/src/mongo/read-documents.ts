import type { DicomJson } from '@cairn/core';
import type mongoose from 'mongoose';
import { compareTexts } from '../derive.ts';
import type { ConflictDocument, PatientDocument, SeriesDocument, StudyDocument } from '../documents.ts';
import type { IndexDocument, InstanceParts, InstanceSelector, MetadataStore, RetrievableInstance } from '../metadata-store.ts';
import { conflictOf, withResolutions } from './claims.ts';
import type { Collections, StoredInstance, StoredPatient, StoredSeries, StoredStudy } from './collections.ts';
import { versionOf } from './derive-index.ts';
import { derivedInstanceOf, instanceDocumentOf } from './instances.ts';
import { idOf, ofTenant } from './keys.ts';
import { readTexts } from './receipt-texts.ts';

/** Instances read at once: their texts are held in memory. */
const PAGE_INSTANCES = 100;
const EXPORT_DOCUMENTS = 200;
const DEFAULT_CONFLICTS = 100;

/** The document of a patient; undefined while it is not derived yet. */
export function patientDocumentOf(stored: StoredPatient): PatientDocument | undefined {
  if (stored.derived === undefined) return undefined;
  return {
    patientKey: stored.patientKey!,
    attributes: JSON.parse(stored.attributes!) as DicomJson,
    numberOfStudies: stored.studies!,
    numberOfSeries: stored.series!,
    numberOfInstances: stored.instances!,
  };
}

/** The document of a study; undefined while it is not derived yet. */
export function studyDocumentOf(stored: StoredStudy): StudyDocument | undefined {
  if (stored.derived === undefined) return undefined;
  return {
    studyInstanceUid: stored.studyUid!,
    attributes: JSON.parse(stored.attributes!) as DicomJson,
    patientKey: stored.patientKey!,
    modalities: stored.modalities!,
    sopClasses: stored.sopClasses!,
    numberOfSeries: stored.series!,
    numberOfInstances: stored.instances!,
    sizeBytes: stored.size!,
    representative: versionOf(stored.representative!),
  };
}

/** The document of a series; undefined while it is not derived yet. */
export function seriesDocumentOf(stored: StoredSeries): SeriesDocument | undefined {
  if (stored.derived === undefined) return undefined;
  return {
    studyInstanceUid: stored.studyUid!,
    seriesInstanceUid: stored.seriesUid!,
    attributes: JSON.parse(stored.attributes!) as DicomJson,
    numberOfInstances: stored.instances!,
    sizeBytes: stored.size!,
    representative: versionOf(stored.representative!),
  };
}

/** A selector's instances in order. */
export async function* readInstances(
  collections: Collections,
  tenant: string,
  selector: InstanceSelector,
  parts: InstanceParts,
  signal: AbortSignal | undefined,
): AsyncGenerator<RetrievableInstance> {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = selector;
  const study = idOf(tenant, studyInstanceUid);
  const all = await collections.series.find({ study }, { projection: { order: 1, seriesUid: 1 }, sort: { order: 1 } }).toArray();
  for (const { _id, seriesUid } of all) {
    if (seriesUid === undefined || (seriesInstanceUid !== undefined && seriesUid !== seriesInstanceUid)) continue;
    for await (const page of instancePages(collections.instances, _id, sopInstanceUid && `${_id}|${idOf('', sopInstanceUid).slice(1)}`)) {
      signal?.throwIfAborted();
      yield* await withTexts(collections, tenant, page, parts);
    }
  }
}

/** Pages of a series' instances in order, after one of them where given; only the one with the id `only` where given. */
async function* instancePages(
  instances: Collections['instances'],
  series: string,
  only: string | undefined,
): AsyncGenerator<readonly StoredInstance[]> {
  let after = '';
  for (;;) {
    const filter = only === undefined ? { series, order: { $gt: after } } : { _id: only };
    const page = await instances.find(filter, { sort: { order: 1 }, limit: PAGE_INSTANCES }).toArray();
    yield page;
    if (only !== undefined || page.length < PAGE_INSTANCES) return;
    after = page.at(-1)!.order!;
  }
}

async function withTexts(
  { receiptTexts }: Collections,
  tenant: string,
  page: readonly StoredInstance[],
  parts: InstanceParts,
): Promise<readonly RetrievableInstance[]> {
  const derived = page.map(derivedInstanceOf).filter((one) => one !== undefined);
  const texts = await readTexts(
    receiptTexts,
    tenant,
    derived.map(({ keptReceipts }) => keptReceipts.at(-1)!),
    parts,
  );
  return derived.map(({ document, current, keptReceipts }) => {
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = document;
    return { studyInstanceUid, seriesInstanceUid, sopInstanceUid, version: current, ...texts.get(keptReceipts.at(-1)!) };
  });
}

/** Those of the receipts that the index holds, or knows from the fact that they were collected. */
export async function readKnownReceipts(
  { instances }: Collections,
  tenant: string,
  ulids: readonly string[],
): Promise<ReadonlySet<string>> {
  const ids = new Map(ulids.map((ulid) => [idOf(tenant, ulid), ulid]));
  const found = await instances.find({ known: { $in: [...ids.keys()] } }, { projection: { known: 1 } }).toArray();
  return new Set(found.flatMap(({ known = [] }) => known.flatMap((id) => ids.get(id) ?? [])));
}

/** The reconciliation list. */
export async function readConflicts(
  { claims, resolutions }: Collections,
  tenant: string,
  { all = false, limit = DEFAULT_CONFLICTS, after }: { all?: boolean; limit?: number; after?: string },
): Promise<readonly ConflictDocument[]> {
  const last = after === undefined ? null : await claims.findOne({ tenant, conflict: after });
  let order = last?.order ?? '';
  const found: ConflictDocument[] = [];
  for (;;) {
    const page = await claims.find({ tenant, order: { $gt: order } }, { sort: { order: 1 }, limit }).toArray();
    const conflicts = await withResolutions(resolutions, tenant, page.map(conflictOf));
    found.push(...conflicts.filter(({ resolution }) => all || resolution === undefined));
    if (found.length >= limit || page.length < limit) return found.slice(0, limit);
    order = page.at(-1)!.order!;
  }
}

/** Duplicates whose objects exist, oldest first. */
export async function readDuplicates({ instances }: Collections, tenant: string, limit: number): ReturnType<MetadataStore['duplicates']> {
  const found = await instances.find({ firstDuplicate: ofTenant(tenant) }, { sort: { firstDuplicate: 1 }, limit }).toArray();
  const listed = found.flatMap((stored) => (stored.duplicates ?? []).map((ulid) => ({ stored, ulid })));
  return listed
    .toSorted((a, b) => compareTexts(a.ulid, b.ulid))
    .slice(0, limit)
    .flatMap(({ stored, ulid }) => duplicateOf(stored, ulid) ?? []);
}

/** The duplicate; undefined when it was collected since the instance was derived. */
function duplicateOf(stored: StoredInstance, ulid: string): Awaited<ReturnType<MetadataStore['duplicates']>>[number] | undefined {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid, versions } = derivedInstanceOf(stored)!.document;
  const version = versions.find(({ receipts }) => receipts.some((receipt) => receipt.ulid === ulid));
  const location = version?.receipts.find((receipt) => receipt.ulid === ulid)?.location;
  if (version === undefined || location === undefined) return undefined;
  return { instance: { studyInstanceUid, seriesInstanceUid, sopInstanceUid }, version, duplicate: { ulid, location } };
}

/** Tenants that have a study: one read each. */
export async function readTenants({ studies }: Collections): Promise<readonly string[]> {
  const tenants: string[] = [];
  for (;;) {
    const last = tenants.at(-1);
    const filter = last === undefined ? {} : { _id: { $gte: ofTenant(last).$lt } };
    const [next] = await studies.find(filter, { projection: { tenant: 1 }, sort: { _id: 1 }, limit: 1 }).toArray();
    if (next === undefined) return tenants;
    tenants.push(next.tenant);
  }
}

/** Every document of a tenant, ordered by collection and identity string; conflicts by id. */
export async function* readExport(collections: Collections, tenant: string): AsyncGenerator<IndexDocument> {
  const { patients, studies, series, instances } = collections;
  for await (const stored of byId(patients, tenant)) yield* entry('patients', patientDocumentOf(stored));
  for await (const stored of byId(studies, tenant)) yield* entry('studies', studyDocumentOf(stored));
  for await (const stored of byId(series, tenant)) yield* entry('series', seriesDocumentOf(stored));
  for await (const stored of byId(instances, tenant)) yield* entry('instances', instanceDocumentOf(stored));
  yield* exportConflicts(collections, tenant);
}

async function* exportConflicts({ claims, resolutions }: Collections, tenant: string): AsyncGenerator<IndexDocument> {
  let last = '';
  for (;;) {
    const page = await claims.find({ tenant, conflict: { $gt: last } }, { sort: { conflict: 1 }, limit: EXPORT_DOCUMENTS }).toArray();
    const conflicts = page.filter(({ order }) => order !== undefined).map(conflictOf);
    for (const document of await withResolutions(resolutions, tenant, conflicts)) yield { collection: 'conflicts', document };
    if (page.length < EXPORT_DOCUMENTS) return;
    last = page.at(-1)!.conflict;
  }
}

function byId<T extends { _id: string }>(collection: mongoose.mongo.Collection<T>, tenant: string): AsyncIterable<T> {
  return (collection as unknown as Readable<T>).find({ _id: ofTenant(tenant) }, { sort: { _id: 1 }, batchSize: EXPORT_DOCUMENTS });
}

interface Readable<T> {
  find(filter: { _id: { $gte: string; $lt: string } }, options: { sort: { _id: 1 }; batchSize: number }): AsyncIterable<T>;
}

function* entry<C extends IndexDocument['collection'], D>(
  collection: C,
  document: D | undefined,
): Generator<{ collection: C; document: D }> {
  if (document !== undefined) yield { collection, document };
}
