import { randomUUID } from 'node:crypto';
import { CairnError } from '@cairn/core';
import mongoose from 'mongoose';
import type { Derived } from './collections.ts';

/** Rounds against others that change the same documents; each round of theirs is progress, so few are ever needed. */
const MOST_ROUNDS = 100;

/** A document of whichever collection. */
type AnyDocument = mongoose.mongo.Document & Derived;

/** What a document becomes: fields to set and sets to add to; `gone` when nothing is left to derive it from. */
export type Derivation<T> = { set: Partial<T>; add?: Record<string, string> } | 'gone';

/**
 * Says of documents that what they are derived from has changed; makes those that are new. One that another process makes at
 * this moment is derived after our change as it is.
 */
export async function touch<T extends Derived>(
  collection: mongoose.mongo.Collection<T>,
  tenant: string,
  documents: ReadonlyMap<string, Readonly<Record<string, string>>>,
): Promise<void> {
  if (documents.size === 0) return;
  const touched = randomUUID();
  const any = collection as unknown as mongoose.mongo.Collection<AnyDocument>;
  const { matchedCount } = await any.updateMany({ _id: { $in: [...documents.keys()] } }, { $set: { touched } });
  if (matchedCount === documents.size) return;
  await insertNew(
    any,
    [...documents].map(([_id, fields]) => ({ _id, tenant, touched, ...fields })),
  );
}

/** Inserts those documents that do not exist; gives the ids of the others. */
export async function insertNew<T extends { _id: string }>(
  collection: mongoose.mongo.Collection<T>,
  documents: readonly T[],
): Promise<readonly string[]> {
  try {
    await collection.insertMany(documents as mongoose.mongo.OptionalUnlessRequiredId<T>[], { ordered: false });
    return [];
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    return [error.writeErrors].flat().map(({ index }) => documents[index]!._id);
  }
}

/**
 * Derives documents anew until each is the outcome of a derivation that began after its newest touch. A derivation that was
 * overtaken by a touch is not written, so a stale writer never wins, and whoever touched last sees to it.
 */
export async function deriveDocuments<T extends Derived>(
  collection: mongoose.mongo.Collection<T>,
  ids: readonly string[],
  derive: (ids: readonly string[]) => Promise<ReadonlyMap<string, Derivation<T>>>,
): Promise<void> {
  const documents = collection as unknown as mongoose.mongo.Collection<AnyDocument>;
  const projection = { touched: 1, derived: 1 };
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const found = await documents.find({ _id: { $in: [...ids] } }, { projection }).toArray();
    const pending = found.filter(({ touched, derived }) => touched !== derived);
    if (pending.length === 0) return;
    const derivations = await derive(pending.map(({ _id }) => _id));
    const operations = pending.flatMap(({ _id, touched }) => operationOf(_id, touched, derivations.get(_id)));
    const result = operations.length === 0 ? undefined : await documents.bulkWrite(operations, { ordered: false });
    if (result !== undefined && result.matchedCount + result.deletedCount === pending.length) return;
  }
  throw new CairnError('metadata-store.unavailable', 'Too many others change the same documents.', { retriable: true });
}

/** Bulk upserts; one that lost the race to insert its document is made again, now as an update. */
export async function upsert<T extends { _id: string }>(
  collection: mongoose.mongo.Collection<T>,
  operations: readonly mongoose.mongo.AnyBulkWriteOperation<T>[],
): Promise<void> {
  if (operations.length === 0) return;
  try {
    await collection.bulkWrite([...operations], { ordered: false });
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    await collection.bulkWrite([...operations], { ordered: false });
  }
}

/**
 * True for the answer to a bulk of which some writes met a taken unique key, and nothing worse happened. The driver reports a lost
 * connection as an error of the bulk too, then without any write error.
 */
export function isDuplicateKey(error: unknown): error is mongoose.mongo.MongoBulkWriteError {
  if (!(error instanceof mongoose.mongo.MongoBulkWriteError)) return false;
  const writeErrors = [error.writeErrors].flat();
  const duplicates = writeErrors.filter(({ code }) => code === 11_000);
  return duplicates.length > 0 && duplicates.length === writeErrors.length && error.result.getWriteConcernError() === undefined;
}

function operationOf<T>(
  _id: string,
  touched: string,
  derivation: Derivation<T> | undefined,
): mongoose.mongo.AnyBulkWriteOperation<AnyDocument>[] {
  if (derivation === undefined) return [];
  const filter = { _id, touched };
  if (derivation === 'gone') return [{ deleteOne: { filter } }];
  const { set, add } = derivation;
  return [{ updateOne: { filter, update: { $set: { ...set, derived: touched }, ...(add && { $addToSet: add }) } } }];
}
