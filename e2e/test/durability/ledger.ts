import type { DicomJson } from '@cairn/core';
import type { PhantomInstance } from '@cairn/testing';
import type { Doors } from '../harness/archive.ts';
import { readPart10 } from '../harness/part10.ts';
import { get, qidoAll, readParts, textOf } from '../harness/web.ts';

/** What was sent of one instance. */
interface Entry {
  instance: PhantomInstance;
  /** Digest of the data set that was acknowledged last. */
  acknowledged?: string;
  /** Digests that may be served: the acknowledged one, and those sent later without an answer. */
  possible: Set<string>;
}

/** Remembers what was sent and acknowledged, to be held against the archive after a crash. Instances are sent one at a time each. */
export class Ledger {
  readonly #entries = new Map<string, Entry>();

  /** Before the first byte leaves. */
  sending(instance: PhantomInstance, file: Buffer): void {
    const entry = this.#entries.get(instance.sopInstanceUid) ?? { instance, possible: new Set<string>() };
    entry.possible.add(readPart10(file).sha256DataSet);
    this.#entries.set(instance.sopInstanceUid, entry);
  }

  /** When Success has arrived. */
  acknowledge(instance: PhantomInstance, file: Buffer): void {
    const digest = readPart10(file).sha256DataSet;
    const entry = this.#entries.get(instance.sopInstanceUid)!;
    entry.acknowledged = digest;
    entry.possible = new Set([digest]);
  }

  get acknowledgedCount(): number {
    return [...this.#entries.values()].filter((entry) => entry.acknowledged !== undefined).length;
  }

  /** Everything that contradicts the ledger; empty when all is well. Asks every study by QIDO-RS and WADO-RS. */
  async contradictions(archive: Doors): Promise<string[]> {
    const problems: string[] = [];
    const entries = [...this.#entries.values()];
    const indexed = Map.groupBy(await qidoAll(archive, '/instances'), (answer) => textOf(answer, '00080018'));
    for (const [studyInstanceUid, members] of Map.groupBy(entries, (entry) => entry.instance.studyInstanceUid)) {
      const served = await digestsOf(archive, studyInstanceUid);
      for (const entry of members) problems.push(...contradictionsOf(entry, indexed.get(entry.instance.sopInstanceUid) ?? [], served));
    }
    for (const uid of indexed.keys()) if (!this.#entries.has(uid)) problems.push(`${uid} was never sent`);
    return problems;
  }
}

function contradictionsOf(entry: Entry, indexed: readonly DicomJson[], served: ReadonlyMap<string, string[]>): string[] {
  const uid = entry.instance.sopInstanceUid;
  const digests = served.get(uid) ?? [];
  if (entry.acknowledged === undefined && indexed.length === 0 && digests.length === 0) return [];
  const problems: string[] = [];
  if (indexed.length !== 1) problems.push(`${uid} is indexed ${indexed.length} times`);
  if (digests.length !== 1) problems.push(`${uid} is served ${digests.length} times`);
  else if (!entry.possible.has(digests[0]!)) problems.push(`${uid} is served with other bytes`);
  return problems;
}

async function digestsOf(archive: Doors, studyInstanceUid: string): Promise<Map<string, string[]>> {
  const answer = await get(archive, `/studies/${studyInstanceUid}`, 'multipart/related; type="application/dicom"; transfer-syntax=*');
  if (answer.status === 404) return new Map();
  const digests = new Map<string, string[]>();
  for (const part of await readParts(answer)) {
    const { sopInstanceUid, sha256DataSet } = readPart10(part.body);
    digests.set(sopInstanceUid, [...(digests.get(sopInstanceUid) ?? []), sha256DataSet]);
  }
  return digests;
}
