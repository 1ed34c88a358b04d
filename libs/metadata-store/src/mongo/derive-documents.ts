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

/** Says of documents that what they are derived from has changed; makes those that are new. */
export async function touch<T extends Derived>(
  collection: mongoose.mongo.Collection<T>,
  tenant: string,
  documents: ReadonlyMap<string, Readonly<Record<string, string>>>,
): Promise<void> {
  const touched = randomUUID();
  const operations = [...documents].map(([_id, fields]) => ({
    updateOne: { filter: { _id }, update: { $set: { touched }, $setOnInsert: { tenant, ...fields } }, upsert: true },
  }));
  await upsert(collection as unknown as mongoose.mongo.Collection<AnyDocument>, operations);
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
  throw new CairnError('metadata-store.unavailable', 'Too many others change the same documents.');
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

/** True for the answer to a bulk of which some writes met a taken unique key, and nothing worse happened. */
export function isDuplicateKey(error: unknown): boolean {
  if (!(error instanceof mongoose.mongo.MongoBulkWriteError)) return false;
  return [error.writeErrors].flat().every(({ code }) => code === 11_000);
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
