import { readFile } from 'node:fs/promises';
import { dataSetOffset } from '@cairn/testing';
import type { CorpusFile } from '@cairn/testing';
import type { Archive } from '../harness/archive.ts';
import { readPart10 } from '../harness/part10.ts';
import type { Part10 } from '../harness/part10.ts';
import type { PeerFile, ProposedContext, PynetdicomPeer, ReceivedInstance } from '../harness/peers.ts';
import { eventually, get, qido, readParts, stow } from '../harness/web.ts';

/** AE title of the Python peer as C-MOVE destination. */
export const MOVE_DESTINATION = 'PYSCP';

/** A file that must be stored, with what its meta information says. */
export interface AcceptedFile extends CorpusFile, Part10 {
  /** First byte of the data set. */
  offset: number;
}

/** What went wrong, by the step in which it did; each line names a file or study. */
export interface CorpusOutcome {
  /** In the order of arrival. */
  arrived: AcceptedFile[];
  stored: { cStore: number; stow: number; both: number };
  store: string[];
  wado: string[];
  get: string[];
  move: string[];
}

/** Reads what must be stored. */
export async function acceptedFiles(files: readonly CorpusFile[]): Promise<AcceptedFile[]> {
  const accepted = files.filter((file) => file.expected === 'accept');
  return Promise.all(accepted.map(readIdentity));
}

/** The file with its identity, read from its bytes. */
export async function readIdentity(file: CorpusFile): Promise<AcceptedFile> {
  const bytes = await readFile(file.absolutePath);
  return { ...file, ...readPart10(bytes), offset: dataSetOffset(bytes) };
}

/** One presentation context for every pair of SOP class and transfer syntax. */
function contextsOf(files: readonly Part10[]): ProposedContext[] {
  const pairs = new Map(files.map((file) => [`${file.sopClassUid} ${file.transferSyntaxUid}`, file]));
  return [...pairs.values()].map((file) => [file.sopClassUid, [file.transferSyntaxUid]] as const);
}

/** One context a SOP class with every transfer syntax of its files: what a provider takes. */
export function providerContexts(files: readonly Part10[]): ProposedContext[] {
  const byClass = Map.groupBy(files, (file) => file.sopClassUid);
  return [...byClass].map(([sopClassUid, members]) => [sopClassUid, [...new Set(members.map((file) => file.transferSyntaxUid))]] as const);
}

/**
 * Stores every file and fetches it back. Files with the same SOP Instance UID are versions of one instance: they go in one after the
 * other, each round's being the current ones when they are fetched.
 */
export async function storeAndFetch(archive: Archive, files: readonly AcceptedFile[], peer?: PynetdicomPeer): Promise<CorpusOutcome> {
  const outcome: CorpusOutcome = { arrived: [], stored: { cStore: 0, stow: 0, both: 0 }, store: [], wado: [], get: [], move: [] };
  const versions = versionsOf(files);
  for (let round = 0; ; round++) {
    const current = [...versions.values()].flatMap((group) => group.slice(round, round + 1));
    if (current.length === 0) return outcome;
    await storeAll(archive, current, outcome, peer);
    await compareStudies(current, outcome.wado, (studyInstanceUid) => fetchStudy(archive, studyInstanceUid, current));
    if (!peer) continue;
    const contexts = contextsOf(current);
    await compareStudies(
      current,
      outcome.get,
      async (studyInstanceUid) => (await peer.get(archive, 'STUDY', { '0020000D': studyInstanceUid }, contexts)).received,
    );
    await compareStudies(current, outcome.move, async (studyInstanceUid) => {
      await peer.move(archive, 'STUDY', { '0020000D': studyInstanceUid }, MOVE_DESTINATION);
      return peer.received();
    });
  }
}

/** The versions of each instance in the order of the manifest; the same data set again in the same transfer syntax is none. */
export function versionsOf(files: readonly AcceptedFile[]): Map<string, AcceptedFile[]> {
  const versions = new Map<string, AcceptedFile[]>();
  for (const file of files) {
    const key = `${file.studyInstanceUid}/${file.seriesInstanceUid}/${file.sopInstanceUid}`;
    const known = versions.get(key) ?? [];
    const repeated = known.some((each) => each.sha256DataSet === file.sha256DataSet && each.transferSyntaxUid === file.transferSyntaxUid);
    versions.set(key, repeated ? known : [...known, file]);
  }
  return versions;
}

/** By hash of the file one half goes by C-STORE and the other by STOW-RS, an eighth by both. */
async function storeAll(archive: Archive, files: readonly AcceptedFile[], outcome: CorpusOutcome, peer?: PynetdicomPeer): Promise<void> {
  const byBoth = files.filter((file) => file.sha256 < '2');
  const byCStore = peer ? files.filter((file) => Number.parseInt(file.sha256.at(-1)!, 16) % 2 === 0 || byBoth.includes(file)) : [];
  const byStow = files.filter((file) => !byCStore.includes(file) || byBoth.includes(file));
  for (const { path, status, comment } of byCStore.length > 0 ? await peer!.store(archive, byCStore.map(peerFile)) : []) {
    if (status !== 0) outcome.store.push(`C-STORE ${path}: ${status?.toString(16)} ${comment}`);
  }
  for (const file of byStow) {
    const answer = await stow(archive, [await readFile(file.absolutePath)]);
    if (answer.status !== 200 || answer.stored[0] !== file.sopInstanceUid)
      outcome.store.push(`STOW ${file.path}: ${answer.status} ${JSON.stringify([...answer.failed])}`);
  }
  outcome.arrived.push(...byCStore, ...byStow.filter((file) => !byCStore.includes(file)));
  outcome.stored.cStore += byCStore.length;
  outcome.stored.stow += byStow.length;
  outcome.stored.both += byBoth.length;
}

/** How the Python peer sends it. */
export function peerFile(file: AcceptedFile): PeerFile {
  const { absolutePath, offset, sopClassUid, sopInstanceUid, transferSyntaxUid } = file;
  return { path: absolutePath, offset, sopClassUid, sopInstanceUid, transferSyntaxUid };
}

/** Compares what a study's fetch gave with this round's files, instance by instance. */
async function compareStudies(
  files: readonly AcceptedFile[],
  differences: string[],
  fetchAll: (
    studyInstanceUid: string,
  ) => Promise<readonly Pick<ReceivedInstance, 'sopInstanceUid' | 'sha256DataSet' | 'transferSyntaxUid'>[]>,
): Promise<void> {
  for (const [studyInstanceUid, members] of Map.groupBy(files, (file) => file.studyInstanceUid)) {
    const fetched = Map.groupBy(await fetchAll(studyInstanceUid), (each) => each.sopInstanceUid);
    for (const file of members) {
      const copies = fetched.get(file.sopInstanceUid) ?? [];
      if (copies.length !== 1) differences.push(`${file.path}: came ${copies.length} times`);
      else if (copies[0]!.sha256DataSet !== file.sha256DataSet)
        differences.push(`${file.path}: other bytes, as ${copies[0]!.transferSyntaxUid}`);
    }
  }
}

/** WADO-RS as stored, once this round's files are the current versions in the index. */
async function fetchStudy(archive: Archive, studyInstanceUid: string, files: readonly AcceptedFile[]): Promise<Part10[]> {
  const wanted = new Map(files.map((file) => [file.sopInstanceUid, file.sha256DataSet]));
  return eventually(
    async () => {
      const answer = await get(archive, `/studies/${studyInstanceUid}`, 'multipart/related; type="application/dicom"; transfer-syntax=*');
      if (answer.status !== 200) return [];
      return (await readParts(answer)).map((part) => readPart10(part.body));
    },
    (parts) =>
      files
        .filter((file) => file.studyInstanceUid === studyInstanceUid)
        .every((file) => parts.some((part) => part.sha256DataSet === wanted.get(file.sopInstanceUid))),
    3000,
  );
}

/** What the archive tells of a file: how often QIDO-RS finds it, how WADO-RS answers, and whether the file is (the end of) that answer. */
export async function stateOf(archive: Archive, file: CorpusFile): Promise<{ found: number; status: number; unchanged: boolean }> {
  const found = (await qido(archive, `/instances?SOPInstanceUID=${file.sopInstanceUid}`)).length;
  const path = `/studies/${file.studyInstanceUid}/series/${file.seriesInstanceUid}/instances/${file.sopInstanceUid}`;
  const answer = await get(archive, path, 'application/dicom; transfer-syntax=*');
  const body = Buffer.from(await answer.arrayBuffer());
  const sent = await readFile(file.absolutePath);
  // What came without preamble or meta information got them before its first byte.
  return { found, status: answer.status, unchanged: body.subarray(-sent.length).equals(sent) };
}
