import { randomUUID } from 'node:crypto';
import type { DicomJson } from '@cairn/core';
import { CairnError } from '@cairn/core';
import { identityClaims } from '../conflicts.ts';
import { contentKey } from '../derive.ts';
import type { ConflictDocument, InstanceReceipt, ReceiptRecord } from '../documents.ts';
import type { InstanceSelector, JournalFact, ReceiptOutcome } from '../metadata-store.ts';
import { addClaims, instanceClaimsOf, resolveConflicts } from './claims.ts';
import type { Collections, StoredInstance, StoredReceipt } from './collections.ts';
import { insertNew, isDuplicateKey, upsert } from './derive-documents.ts';
import { deriveIndex, instanceFields } from './derive-index.ts';
import { collectedReceiptsOf, derivedInstanceOf, factsOf, recordsOf } from './instances.ts';
import { idOf } from './keys.ts';
import { ParsedReceipts, writeTexts } from './receipt-texts.ts';

/** Inserts of one instance by others that may come between a read and a write of ours. */
const MOST_ROUNDS = 100;

/**
 * Adds receipts. Their texts first, then each into its instance's set, then all documents derived from those: whatever a crash
 * cuts off, the same receipts again complete.
 */
export async function recordReceipts(
  collections: Collections,
  tenant: string,
  receipts: readonly InstanceReceipt[],
): Promise<readonly ReceiptOutcome[]> {
  if (receipts.length === 0) return [];
  const parsed = new ParsedReceipts(collections.receiptTexts, tenant);
  const headers = receipts.map(({ header }) => JSON.parse(header) as DicomJson);
  for (const [index, { ulid, defaultIssuer }] of receipts.entries()) parsed.remember(ulid, headers[index]!, defaultIssuer);
  await writeTexts(collections.receiptTexts, tenant, receipts);
  const call = randomUUID();
  const ids = await addToInstances(collections.instances, tenant, receipts, { call, parsed });
  await deriveIndex(collections, tenant, parsed, ids);
  const instances = await instancesById(collections, ids);
  await removeCollectedTexts(collections, tenant, [...instances.values()]);
  const claims = [
    ...receipts.flatMap((receipt, index) => identityClaims(recordOf(receipt), headers[index]!)),
    ...(await instanceClaimsOf(collections.instances, [...instances.values()])),
  ];
  const conflicts = await addClaims(collections.claims, tenant, claims);
  const studies = await studyVersions(collections, instances);
  return new Outcomes(call, instances, studies, conflicts).of(tenant, receipts);
}

/** Applies facts: each into its instance's set, or as the resolution of a conflict; then as {@link recordReceipts} does. */
export async function applyFacts(collections: Collections, tenant: string, facts: readonly JournalFact[]): Promise<void> {
  await resolveConflicts(collections.resolutions, tenant, facts);
  const aboutInstances = facts.filter((fact) => fact.type !== 'conflict-resolved');
  if (aboutInstances.length === 0) return;
  const operations = aboutInstances.map((fact) => ({
    updateOne: {
      filter: { _id: idOfInstance(tenant, fact.instance) },
      update: {
        $addToSet: { facts: JSON.stringify(fact), ...(fact.type === 'duplicate-collected' && { known: idOf(tenant, fact.receipt) }) },
        $set: { touched: randomUUID() },
        $setOnInsert: placeOf(tenant, fact.instance),
      },
      upsert: true,
    },
  }));
  await upsert(collections.instances, operations);
  const ids = [...new Set(aboutInstances.map((fact) => idOfInstance(tenant, fact.instance)))];
  await deriveIndex(collections, tenant, new ParsedReceipts(collections.receiptTexts, tenant), ids);
  const instances = [...(await instancesById(collections, ids)).values()];
  await removeCollectedTexts(collections, tenant, instances);
  await addClaims(collections.claims, tenant, await instanceClaimsOf(collections.instances, instances));
}

async function removeCollectedTexts({ receiptTexts }: Collections, tenant: string, instances: readonly StoredInstance[]): Promise<void> {
  const collected = instances.flatMap(collectedReceiptsOf);
  if (collected.length > 0) await receiptTexts.deleteMany({ _id: { $in: collected.map((ulid) => idOf(tenant, ulid)) } });
}

/** The fields by which an instance is found, besides its id. */
function placeOf(tenant: string, of: Required<InstanceSelector>): Pick<StoredInstance, 'tenant' | 'study' | 'series' | 'sop'> {
  return {
    tenant,
    study: idOf(tenant, of.studyInstanceUid),
    series: idOf(tenant, of.studyInstanceUid, of.seriesInstanceUid),
    sop: idOf(tenant, of.sopInstanceUid),
  };
}

interface Call {
  /** Its token. */
  call: string;
  parsed: ParsedReceipts;
}

/** Adds the receipts to their instances' sets, each once; gives the instances' ids. New instances, most of all, are made in one go. */
async function addToInstances(
  instances: Collections['instances'],
  tenant: string,
  receipts: readonly InstanceReceipt[],
  call: Call,
): Promise<readonly string[]> {
  const byInstance = receiptsByInstance(tenant, receipts);
  const documents = [...byInstance].map(([id, own]) => newInstance(tenant, id, own, call));
  const known = new Set(await insertNew(instances, documents));
  let pending: ReadonlyMap<string, readonly InstanceReceipt[]> = new Map([...byInstance].filter(([id]) => known.has(id)));
  for (let round = 0; round < MOST_ROUNDS && pending.size > 0; round++) {
    await tryAdding(instances, tenant, pending, call.call);
    const found = await instances.find({ _id: { $in: [...pending.keys()] } }, { projection: { 'receipts.ulid': 1 } }).toArray();
    const held = new Map(found.map(({ _id, receipts: stored = [] }) => [_id, new Set(stored.map(({ ulid }) => ulid))]));
    pending = missingIn(pending, held);
  }
  if (pending.size === 0) return [...byInstance.keys()];
  throw new CairnError('metadata-store.unavailable', 'Too many others add to the same instances.', { retriable: true });
}

/** An instance of which nothing was known, derived already. */
function newInstance(tenant: string, _id: string, own: readonly InstanceReceipt[], { call, parsed }: Call): StoredInstance {
  const touched = randomUUID();
  const stored: StoredInstance = {
    _id,
    ...placeOf(tenant, own[0]!),
    receipts: own.map((receipt) => storedReceipt(receipt, call)),
    known: own.map(({ ulid }) => idOf(tenant, ulid)),
    touched,
  };
  return { ...stored, ...instanceFields(tenant, stored, derivedInstanceOf(stored)!, parsed), derived: touched };
}

/** One update an instance, refused by its unique key when it holds one of the receipts or another inserted it at this moment. */
async function tryAdding(
  instances: Collections['instances'],
  tenant: string,
  pending: ReadonlyMap<string, readonly InstanceReceipt[]>,
  call: string,
): Promise<void> {
  const operations = [...pending].map(([_id, own]) => {
    return {
      updateOne: {
        filter: { _id, 'receipts.ulid': { $nin: own.map(({ ulid }) => ulid) } },
        update: {
          $push: { receipts: { $each: own.map((receipt): StoredReceipt => storedReceipt(receipt, call)) } },
          $addToSet: { known: { $each: own.map(({ ulid }) => idOf(tenant, ulid)) } },
          $set: { touched: randomUUID() },
          $setOnInsert: placeOf(tenant, own[0]!),
        },
        upsert: true,
      },
    };
  });
  try {
    await instances.bulkWrite(operations, { ordered: false });
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
  }
}

function receiptsByInstance(tenant: string, receipts: readonly InstanceReceipt[]): Map<string, readonly InstanceReceipt[]> {
  const byInstance = new Map<string, InstanceReceipt[]>();
  for (const receipt of receipts) {
    const id = idOfInstance(tenant, receipt);
    const own = byInstance.get(id) ?? [];
    byInstance.set(id, own);
    if (!own.some(({ ulid }) => ulid === receipt.ulid)) own.push(receipt);
  }
  return byInstance;
}

function missingIn(
  pending: ReadonlyMap<string, readonly InstanceReceipt[]>,
  held: ReadonlyMap<string, ReadonlySet<string>>,
): Map<string, readonly InstanceReceipt[]> {
  const missing = new Map<string, readonly InstanceReceipt[]>();
  for (const [id, own] of pending) {
    const left = own.filter(({ ulid }) => held.get(id)?.has(ulid) !== true);
    if (left.length > 0) missing.set(id, left);
  }
  return missing;
}

async function instancesById(collections: Collections, ids: readonly string[]): Promise<ReadonlyMap<string, StoredInstance>> {
  const found = await collections.instances.find({ _id: { $in: [...ids] } }).toArray();
  return new Map(found.map((stored) => [stored._id, stored]));
}

async function studyVersions(
  { studies }: Collections,
  instances: ReadonlyMap<string, StoredInstance>,
): Promise<ReadonlyMap<string, number>> {
  const ids = [...new Set([...instances.values()].map(({ study }) => study))];
  const found = await studies.find({ _id: { $in: ids } }, { projection: { version: 1 } }).toArray();
  return new Map(found.map(({ _id, version = 0 }) => [_id, version]));
}

/** What the receipts of one call did, told by the order in which the server took them. */
class Outcomes {
  readonly #call: string;
  readonly #instances: ReadonlyMap<string, StoredInstance>;
  readonly #studies: ReadonlyMap<string, number>;
  readonly #conflicts: Map<string, readonly ConflictDocument[]>;
  /** Receipts of the call told already. */
  readonly #told = new Set<string>();

  constructor(
    call: string,
    instances: ReadonlyMap<string, StoredInstance>,
    studies: ReadonlyMap<string, number>,
    conflicts: ReadonlyMap<string, readonly ConflictDocument[]>,
  ) {
    this.#call = call;
    this.#instances = instances;
    this.#studies = studies;
    this.#conflicts = new Map(conflicts);
  }

  of(tenant: string, receipts: readonly InstanceReceipt[]): readonly ReceiptOutcome[] {
    const kinds = receipts.map((receipt) => this.#kindOf(this.#instances.get(idOfInstance(tenant, receipt))!, receipt));
    // Versions after the whole call, less what the call's later receipts changed.
    const later = new Map<string, number>();
    const outcomes = receipts.map((receipt, index) => ({ receipt, outcome: kinds[index]! })).toReversed();
    return outcomes
      .map(({ receipt, outcome }): ReceiptOutcome => {
        const { _id, study, version = 0 } = this.#instances.get(idOfInstance(tenant, receipt))!;
        const studyVersion = (this.#studies.get(study) ?? 0) - (later.get(study) ?? 0);
        const instanceVersion = version - (later.get(_id) ?? 0);
        if (outcome !== 'redelivered') for (const id of [study, _id]) later.set(id, (later.get(id) ?? 0) + 1);
        return { ulid: receipt.ulid, outcome, conflicts: [], studyVersion, instanceVersion };
      })
      .toReversed()
      .map((outcome) => ({ ...outcome, conflicts: this.#takeConflicts(outcome.ulid) }));
  }

  #takeConflicts(ulid: string): readonly ConflictDocument[] {
    const own = this.#conflicts.get(ulid) ?? [];
    this.#conflicts.delete(ulid);
    return own;
  }

  #kindOf(instance: StoredInstance, receipt: InstanceReceipt): ReceiptOutcome['outcome'] {
    const stored = instance.receipts ?? [];
    const at = stored.findIndex(({ ulid }) => ulid === receipt.ulid);
    const collected = factsOf(instance).some((fact) => fact.type === 'duplicate-collected' && fact.receipt === receipt.ulid);
    if (collected || stored[at]!.call !== this.#call || this.#told.has(receipt.ulid)) return 'redelivered';
    this.#told.add(receipt.ulid);
    const earlier = recordsOf(instance).slice(0, at);
    if (earlier.length === 0) return 'new';
    const content = contentKey(receipt);
    if (earlier.some((other) => contentKey(other) === content)) return 'duplicate';
    return earlier.some(({ sha256Elements }) => sha256Elements === receipt.sha256Elements) ? 'same-elements' : 'new-version';
  }
}

function storedReceipt(receipt: InstanceReceipt, call: string): StoredReceipt {
  return { ulid: receipt.ulid, call, record: JSON.stringify(recordOf(receipt)) };
}

function recordOf({ header: _header, bulk: _bulk, pixels: _pixels, ...record }: InstanceReceipt): ReceiptRecord {
  return record;
}

function idOfInstance(tenant: string, of: Required<InstanceSelector>): string {
  return idOf(tenant, of.studyInstanceUid, of.seriesInstanceUid, of.sopInstanceUid);
}
