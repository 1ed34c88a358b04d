import type { Scope } from '@cairn/core';
import type { IndexDocument, MetadataStore } from '@cairn/metadata-store';
import { SqliteMetadataStore } from '@cairn/metadata-store/sqlite';
import { makeTempDir } from '@cairn/testing';
import { STEPS, everythingOf } from '../disagreement.ts';
import type { Step } from '../disagreement.ts';

/** Has a store take steps: all receipts, then all facts. */
export async function take(store: MetadataStore, scope: Scope, batch: readonly Step[]): Promise<void> {
  await store.recordReceipts(
    scope,
    batch.flatMap((step) => ('receipt' in step ? [step.receipt] : [])),
  );
  await store.applyFacts(
    scope,
    batch.flatMap((step) => ('fact' in step ? [step.fact] : [])),
  );
}

/** What SQLite makes of all steps. */
export async function bySqlite(scope: Scope): Promise<unknown> {
  const folder = await makeTempDir();
  const store = await SqliteMetadataStore.open({ file: `${folder.path}/index.db` });
  await take(store, scope, STEPS);
  const everything = comparable(await everythingOf(store, scope));
  await store.close();
  await folder.remove();
  return everything;
}

/** Without what adapters may do as they like: cursors, and the order of identity strings. */
export function comparable(everything: Awaited<ReturnType<typeof everythingOf>>): unknown {
  const { documents, all, doe, ...rest } = everything;
  const sorted = documents.map((document: IndexDocument) => JSON.stringify(sortedKeys(document))).toSorted();
  const rowsOf = ({ rows }: typeof all): unknown[] => rows.map(({ cursor: _cursor, ...row }) => row);
  return { ...rest, documents: sorted, all: rowsOf(all), doe: rowsOf(doe) };
}

function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sortedKeys(member)]),
  );
}
