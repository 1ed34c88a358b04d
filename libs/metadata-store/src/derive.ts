import type { DicomJson } from '@cairn/core';
import type { InstanceDocument, InstanceVersion, ReceiptRecord } from './documents.ts';
import type { JournalFact } from './metadata-store.ts';
import { firstText } from './values.ts';

/** The facts that concern one instance. */
export type InstanceFact = Extract<JournalFact, { type: 'duplicate-collected' | 'version-preferred' }>;

/** An instance as derived from all that is known of it. */
export interface DerivedInstance {
  document: InstanceDocument;
  /** Last of `document.versions`. */
  current: InstanceVersion;
  /** Per version (same order) the receipt whose object and texts are served: the smallest one that was recorded. */
  keptReceipts: readonly string[];
}

interface VersionState {
  records: ReceiptRecord[];
  collected: Map<string, InstanceVersion['source']>;
  preferred?: string;
}

/**
 * Builds an instance from its receipts and facts, in any order and without regard to repetition. A version is one content
 * (data set SHA-256 and transfer syntax), placed by its smallest receipt. A fact about a content without receipts waits.
 * @param records - at least one, all of one instance
 */
export function deriveInstance(records: readonly ReceiptRecord[], facts: readonly InstanceFact[]): DerivedInstance {
  const derived = [...statesByContent(records, facts).values()]
    .filter((state) => state.records.length > 0)
    .map((state) => deriveVersion(state))
    .toSorted((a, b) => compareTexts(a.version.preferred ?? a.version.ulid, b.version.preferred ?? b.version.ulid));
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = records[0]!;
  const versions = derived.map(({ version }) => version);
  const current = versions.at(-1)!;
  return {
    document: { studyInstanceUid, seriesInstanceUid, sopInstanceUid, sopClassUid: current.sopClassUid, versions },
    current,
    keptReceipts: derived.map(({ kept }) => kept),
  };
}

/** How often an instance changed: its distinct receipts and facts; equal after a rebuild. */
export function changeCount(records: readonly ReceiptRecord[], facts: readonly InstanceFact[]): number {
  const receipts = new Set(records.map(({ ulid }) => ulid));
  for (const fact of facts) if (fact.type === 'duplicate-collected') receipts.add(fact.receipt);
  return receipts.size + facts.length;
}

/** What makes a content: data set SHA-256 and transfer syntax. */
export function contentKey(of: { sha256DataSet: string; transferSyntaxUid: string }): string {
  return `${of.sha256DataSet}|${of.transferSyntaxUid}`;
}

/**
 * The patient that a data set names: `issuer|id`, the issuer from the data set, else the default one;
 * `study|<StudyInstanceUID>` without Patient ID.
 */
export function patientKeyOf(header: DicomJson, studyInstanceUid: string, defaultIssuer: string): string {
  const id = firstText(header, '00100020');
  if (id === '') return `study|${studyInstanceUid}`;
  return `${firstText(header, '00100021') || defaultIssuer}|${id}`;
}

/** Order of code units: the same in every engine, no locale. */
export function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function statesByContent(records: readonly ReceiptRecord[], facts: readonly InstanceFact[]): Map<string, VersionState> {
  const states = new Map<string, VersionState>();
  const stateOf = (content: { sha256DataSet: string; transferSyntaxUid: string }): VersionState => {
    const key = contentKey(content);
    const state = states.get(key) ?? { records: [], collected: new Map() };
    states.set(key, state);
    return state;
  };
  for (const record of records) {
    const state = stateOf(record);
    if (!state.records.some(({ ulid }) => ulid === record.ulid)) state.records.push(record);
  }
  for (const fact of facts) {
    const state = stateOf(fact);
    if (fact.type === 'duplicate-collected') state.collected.set(fact.receipt, fact.source);
    else if (state.preferred === undefined || state.preferred < fact.ulid) state.preferred = fact.ulid;
  }
  return states;
}

function deriveVersion({ records, collected, preferred }: VersionState): { version: InstanceVersion; kept: string } {
  records.sort((a, b) => compareTexts(a.ulid, b.ulid));
  const kept = records[0]!;
  const receipts: InstanceVersion['receipts'][number][] = records.map(({ ulid, location, source }) =>
    ulid !== kept.ulid && collected.has(ulid) ? { ulid, source } : { ulid, location, source },
  );
  const recorded = new Set(records.map(({ ulid }) => ulid));
  for (const [ulid, source] of collected) if (!recorded.has(ulid)) receipts.push({ ulid, source });
  receipts.sort((a, b) => compareTexts(a.ulid, b.ulid));
  const version: InstanceVersion = {
    ulid: receipts[0]!.ulid,
    transferSyntaxUid: kept.transferSyntaxUid,
    sopClassUid: kept.sopClassUid,
    sha256DataSet: kept.sha256DataSet,
    sha256Meta: kept.sha256Meta,
    sha256Elements: kept.sha256Elements,
    sizeBytes: kept.sizeBytes,
    dataSetOffset: kept.dataSetOffset,
    location: kept.location,
    source: kept.source,
    ...(preferred === undefined ? {} : { preferred }),
    receipts,
  };
  return { version, kept: kept.ulid };
}
