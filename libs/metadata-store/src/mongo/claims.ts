import { conflictsOf, contentClaims, placeClaim } from '../conflicts.ts';
import type { Claim } from '../conflicts.ts';
import type { ConflictDocument } from '../documents.ts';
import type { JournalFact } from '../metadata-store.ts';
import { compareTexts } from '../derive.ts';
import type { Collections, StoredClaim, StoredInstance } from './collections.ts';
import { insertNew } from './derive-documents.ts';
import { derivedInstanceOf } from './instances.ts';
import { idOf } from './keys.ts';

const ULID_LENGTH = 26;

/**
 * Adds claims; gives the conflicts that were not known before, by the receipts that made them. All that is kept only ever
 * becomes less (the smallest receipt of a claim, of a group), so writers need not know of each other.
 */
export async function addClaims(
  collection: Collections['claims'],
  tenant: string,
  claims: readonly Claim[],
): Promise<ReadonlyMap<string, readonly ConflictDocument[]>> {
  if (claims.length === 0) return new Map();
  const smallest = smallestOf(tenant, claims);
  await addSmallest(collection, tenant, smallest);
  const groups = [...new Set(claims.map(({ group }) => group))];
  const found = await collection.find({ group: { $in: groups.map((group) => idOf(tenant, group)) } }).toArray();
  const made = new Map<string, ConflictDocument[]>();
  // A claim that nobody contradicts needs no place.
  const contradicted = [...Map.groupBy(found, ({ group }) => group).values()].filter((own) => own.length > 1);
  const operations = contradicted.flatMap((own) => {
    const earliest = own.map(({ least }) => ulidOf(least)).toSorted(compareTexts)[0]!;
    for (const claim of own.filter((one) => isConflict(one, earliest) && !isConflict(one, one.earliest))) {
      const maker = [...smallest.values()].find(({ group }) => idOf(tenant, group) === claim.group)!;
      const receipt = smallest.get(claim._id)?.ulid ?? maker.ulid;
      made.set(receipt, [...(made.get(receipt) ?? []), conflictOf({ ...claim, earliest })]);
    }
    return own.filter((one) => one.earliest !== earliest || one.order !== orderOf(one, earliest)).map((one) => placing(one, earliest));
  });
  if (operations.length > 0) await collection.bulkWrite(operations, { ordered: false });
  return made;
}

/** The conflict that a claim makes. */
export function conflictOf({ least, earliest }: StoredClaim): ConflictDocument {
  const claim = JSON.parse(least.slice(ULID_LENGTH)) as Claim;
  const first = { ...claim, claim: '', ulid: earliest! };
  return conflictsOf([first, claim])[0]!;
}

/** The claims of instances about their contents and, where a SOP Instance UID is found in several places, about those. */
export async function instanceClaimsOf(
  collection: Collections['instances'],
  instances: readonly StoredInstance[],
): Promise<readonly Claim[]> {
  const contents = instances.flatMap((stored) => {
    const document = derivedInstanceOf(stored)?.document;
    return document === undefined || document.versions.length === 1 ? [] : contentClaims(document);
  });
  const sops = [...new Set(instances.map(({ sop }) => sop))];
  const places = await collection.find({ sop: { $in: sops } }, { projection: { sop: 1, present: 1 } }).toArray();
  const bySop = Map.groupBy(
    places.filter(({ present }) => present === 1),
    ({ sop }) => sop,
  );
  const several = [...bySop.values()].filter((own) => own.length > 1).flatMap((own) => own.map(({ _id }) => _id));
  if (several.length === 0) return contents;
  const elsewhere = await collection.find({ _id: { $in: several } }).toArray();
  return [...contents, ...elsewhere.map((stored) => placeClaim(derivedInstanceOf(stored)!.document))];
}

/** Keeps the newest resolution of each conflict. */
export async function resolveConflicts(
  resolutions: Collections['resolutions'],
  tenant: string,
  facts: readonly JournalFact[],
): Promise<void> {
  const operations = facts
    .filter((fact) => fact.type === 'conflict-resolved')
    .map(({ ulid, conflictId, action }) => ({
      updateOne: {
        filter: { _id: idOf(tenant, conflictId) },
        update: { $max: { newest: `${ulid}${JSON.stringify({ ulid, action })}` } },
        upsert: true,
      },
    }));
  if (operations.length > 0) await resolutions.bulkWrite(operations, { ordered: false });
}

/** Conflicts with their resolutions. */
export async function withResolutions(
  resolutions: Collections['resolutions'],
  tenant: string,
  conflicts: readonly ConflictDocument[],
): Promise<readonly ConflictDocument[]> {
  const found = await resolutions.find({ _id: { $in: conflicts.map(({ id }) => idOf(tenant, id)) } }).toArray();
  const byId = new Map(found.map(({ _id, newest }) => [_id, JSON.parse(newest.slice(ULID_LENGTH)) as ConflictDocument['resolution']]));
  return conflicts.map((conflict) => {
    const resolution = byId.get(idOf(tenant, conflict.id));
    return resolution === undefined ? conflict : { ...conflict, resolution };
  });
}

/** The smallest claim of each kind, by the id of its document. */
function smallestOf(tenant: string, claims: readonly Claim[]): ReadonlyMap<string, Claim> {
  const smallest = new Map<string, Claim>();
  for (const claim of claims) {
    const id = idOf(tenant, claim.group, claim.claim);
    const known = smallest.get(id);
    if (known === undefined || claim.ulid < known.ulid) smallest.set(id, claim);
  }
  return smallest;
}

/** Inserts the claims that are new, most of all, and lowers the others. */
async function addSmallest(collection: Collections['claims'], tenant: string, smallest: ReadonlyMap<string, Claim>): Promise<void> {
  const documents = [...smallest].map(([_id, claim]): StoredClaim => ({
    _id,
    tenant,
    group: idOf(tenant, claim.group),
    least: `${claim.ulid}${JSON.stringify(claim)}`,
    conflict: conflictIdOf(claim),
  }));
  const known = new Set(await insertNew(collection, documents));
  const operations = documents
    .filter(({ _id }) => known.has(_id))
    .map(({ _id, least }) => ({ updateOne: { filter: { _id }, update: { $min: { least } } } }));
  if (operations.length > 0) await collection.bulkWrite(operations, { ordered: false });
}

/** Places a claim by the earliest of its group, unless it became less since, or somebody knows an earlier one. */
function placing(stored: StoredClaim, earliest: string) {
  const { _id, least } = stored;
  const order = orderOf(stored, earliest);
  const update = order === undefined ? { $set: { earliest }, $unset: { order: 1 as const } } : { $set: { earliest, order } };
  return { updateOne: { filter: { _id, least, earliest: { $not: { $lt: earliest } } }, update } };
}

function orderOf(stored: StoredClaim, earliest: string): string | undefined {
  return isConflict(stored, earliest) ? `${ulidOf(stored.least)}|${stored.conflict}` : undefined;
}

function isConflict({ least }: StoredClaim, earliest: string | undefined): boolean {
  return earliest !== undefined && earliest < ulidOf(least);
}

function conflictIdOf(claim: Claim): string {
  return conflictsOf([{ ...claim, claim: '', ulid: '' }, claim])[0]!.id;
}

function ulidOf(least: string): string {
  return least.slice(0, ULID_LENGTH);
}
