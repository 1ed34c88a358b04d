import { CairnError, isUlid } from '@cairn/core';
import type { Logger, Scope } from '@cairn/core';
import type { JournalFact } from '@cairn/metadata-store';
import type { ObjectStore } from '@cairn/object-store';
import { isJournalKey } from './journal-key.ts';

/** Which part of a tenant's journal to read. */
export interface JournalSpan {
  /** Only objects after this key. */
  after?: string;
}

/** The facts of a tenant in the order of their ULIDs, an object's facts at a time. Lines that are no facts are logged and skipped. */
export async function* readJournal(
  objectStore: ObjectStore,
  scope: Scope,
  logger: Logger,
  { after }: JournalSpan = {},
): AsyncGenerator<readonly JournalFact[]> {
  for await (const { key } of objectStore.list(scope, `journal/${scope.tenant}/`, after)) {
    if (!isJournalKey(key)) continue;
    const facts: JournalFact[] = [];
    for (const line of (await textOf(objectStore, scope, key)).split('\n')) {
      if (line === '') continue;
      const fact = parseFact(line);
      if (fact === undefined) logger.error({ key }, 'journal.unreadable-line');
      else facts.push(fact);
    }
    yield facts;
  }
}

async function textOf(objectStore: ObjectStore, scope: Scope, key: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const chunk of (await objectStore.get(scope, key)).chunks) pieces.push(chunk);
  return Buffer.concat(pieces).toString();
}

function parseFact(line: string): JournalFact | undefined {
  try {
    const fact = JSON.parse(line) as JournalFact;
    if (!isUlid(fact.ulid)) throw new CairnError('internal.unexpected', 'A fact has a ULID.');
    return fact;
  } catch {
    return undefined;
  }
}
