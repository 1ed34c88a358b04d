import { deriveInstance } from '../derive.ts';
import type { DerivedInstance, InstanceFact } from '../derive.ts';
import type { InstanceDocument, ReceiptRecord } from '../documents.ts';
import type { StoredInstance } from './collections.ts';

/** The receipts of an instance in the order in which the server took them. */
export function recordsOf({ receipts = [] }: StoredInstance): readonly ReceiptRecord[] {
  return receipts.map(({ record }) => JSON.parse(record) as ReceiptRecord);
}

/** The facts about an instance, each once. */
export function factsOf({ facts = [] }: StoredInstance): readonly InstanceFact[] {
  const parsed = facts.map((fact) => JSON.parse(fact) as InstanceFact);
  return [...new Map(parsed.map((fact) => [fact.ulid, fact])).values()];
}

/** An instance as its receipts and facts give it; undefined while it has no receipt. */
export function derivedInstanceOf(stored: StoredInstance): DerivedInstance | undefined {
  const records = recordsOf(stored);
  return records.length === 0 ? undefined : deriveInstance(records, factsOf(stored));
}

/** The document of an instance; undefined while it has no receipt. */
export function instanceDocumentOf(stored: StoredInstance): InstanceDocument | undefined {
  const document = derivedInstanceOf(stored)?.document;
  return document && { ...document, ...(typeof stored.number === 'number' && { instanceNumber: stored.number }) };
}

/** Receipts of an instance whose objects were collected: their texts go too. */
export function collectedReceiptsOf(stored: StoredInstance): readonly string[] {
  const receipts = derivedInstanceOf(stored)?.document.versions.flatMap((version) => version.receipts) ?? [];
  return receipts.filter(({ location }) => location === undefined).map(({ ulid }) => ulid);
}
