import { CairnError } from '@cairn/core';
import type { Scope } from '@cairn/core';
import type { ConflictDocument, InstanceSelector, JournalFact, MetadataStore } from '@cairn/metadata-store';
import type { JournalWriter } from './journal-writer.ts';

/** Conflicts looked at a time. */
const PAGE = 200;

/** What decisions by hand work on. */
export interface DecisionPorts {
  metadataStore: MetadataStore;
  journal: JournalWriter;
}

/** Which content of an instance. */
export interface VersionContent {
  sha256DataSet: string;
  transferSyntaxUid: string;
}

/** Marks a conflict as resolved; `action` says how, without patient data. Unknown conflict → `archive.not-found`. */
export async function resolveConflict(ports: DecisionPorts, scope: Scope, conflictId: string, action: string): Promise<JournalFact> {
  const conflict = await findConflict(ports.metadataStore, scope, conflictId);
  if (conflict === undefined) throw new CairnError('archive.not-found', 'No such conflict.');
  return ports.journal.record(scope, { type: 'conflict-resolved', conflictId, action }, conflict.receipts);
}

/** Makes a version of an instance the current one. Unknown instance or content → `archive.not-found`. */
export async function preferVersion(
  ports: DecisionPorts,
  scope: Scope,
  instance: Required<InstanceSelector>,
  content: VersionContent,
): Promise<JournalFact> {
  const versions = (await ports.metadataStore.instance(scope, instance))?.versions ?? [];
  const { sha256DataSet, transferSyntaxUid } = content;
  if (!versions.some((version) => version.sha256DataSet === sha256DataSet && version.transferSyntaxUid === transferSyntaxUid)) {
    throw new CairnError('archive.not-found', 'No such version of the instance.');
  }
  const receipts = versions.flatMap((version) => version.receipts.map(({ ulid }) => ulid));
  return ports.journal.record(scope, { type: 'version-preferred', instance, sha256DataSet, transferSyntaxUid }, receipts);
}

async function findConflict(store: MetadataStore, scope: Scope, id: string): Promise<ConflictDocument | undefined> {
  for (let after: string | undefined; ;) {
    const page = await store.conflicts(scope, { all: true, limit: PAGE, ...(after === undefined ? {} : { after }) });
    const found = page.find((conflict) => conflict.id === id);
    if (found !== undefined || page.length < PAGE) return found;
    after = page.at(-1)!.id;
  }
}
