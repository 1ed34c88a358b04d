import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from '@jest/globals';
import type { DicomJson } from '@cairn/core';
import type { Archive } from './archive.ts';
import { REPOSITORY } from './shape.ts';

/** The programs that tools/peers fetches. */
export type PeerName = 'dcmtk' | 'pynetdicom' | 'pydicom' | 'dicomweb-client' | 'dicomply';

type Peer = { state: 'present'; version: string; path: string } | { state: 'missing' | 'gone'; reason: string };

const peers = JSON.parse(process.env['CAIRN_E2E_PEERS'] ?? '{}') as Partial<Record<PeerName, Peer>>;

/**
 * Tests that need a peer. Without it they are skipped and counted; under CI=true a missing peer is a failure, unless its registry no
 * longer serves the pinned version.
 */
export function describeWithPeer(name: PeerName, title: string, body: () => void): void {
  const peer = peers[name] ?? { state: 'missing', reason: 'tools/peers did not run.' };
  if (peer.state === 'present') return describe(title, body);
  if (peer.state === 'missing' && process.env['CI'] === 'true') {
    it(`${title}: ${name} is there`, () => {
      throw new Error(peer.reason);
    });
  }
  describe.skip(`${title} (${peer.reason})`, body);
}

/** Whether a peer can be run. */
export function hasPeer(name: PeerName): boolean {
  return peers[name]?.state === 'present';
}

/** The path that runs a present peer: a folder for DCMTK, an interpreter for the Python packages. */
export function peerPath(name: PeerName): string {
  const peer = peers[name];
  if (peer?.state !== 'present') throw new Error(`${name} is not there.`);
  return peer.path;
}

/** What a finished command left. */
export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end, whatever its exit code. */
export function runCommand(
  file: string,
  args: readonly string[],
  options: { timeoutMs?: number; cwd?: string } = {},
): Promise<CommandResult> {
  return new Promise((resolve) =>
    execFile(file, args, { timeout: options.timeoutMs ?? 120_000, maxBuffer: 1 << 26, cwd: options.cwd }, (error, stdout, stderr) =>
      resolve({ code: error ? (typeof error.code === 'number' ? error.code : -1) : 0, stdout, stderr }),
    ),
  );
}

/** Runs one of DCMTK's tools. */
export function dcmtk(tool: string, args: readonly string[], options: { timeoutMs?: number; cwd?: string } = {}): Promise<CommandResult> {
  return runCommand(join(peerPath('dcmtk'), tool), args, options);
}

/** A presentation context as the Python peer takes it. */
export type ProposedContext = readonly [sopClassUid: string, transferSyntaxUids: readonly string[]];

/** An instance that the Python peer received. */
export interface ReceivedInstance {
  sopClassUid: string;
  sopInstanceUid: string;
  transferSyntaxUid: string;
  sha256DataSet: string;
  sizeBytes: number;
  originator: string | null;
}

/** A file to send: the bytes from `offset` as they are, announced by these UIDs. */
export interface PeerFile {
  path: string;
  offset: number;
  sopClassUid: string;
  sopInstanceUid: string;
  transferSyntaxUid: string;
}

/** A DIMSE status and its error comment. */
export interface PeerStatus {
  status: number | null;
  comment: string;
}

/** A report on storage commitment that the Python peer received. */
export interface CommitmentReport {
  eventTypeId: number;
  calling: string;
  information: DicomJson;
}

/** How a C-GET or C-MOVE ended. */
export interface RetrieveEnd {
  status: PeerStatus;
  pending: number;
  failedUids: string[] | null;
  remaining: number | null;
  completed: number | null;
  failed: number | null;
  warning: number | null;
}

type Keys = Readonly<Record<string, unknown>>;

/** pynetdicom in a process of its own, both as user and as provider. Every method throws what went wrong there. */
export class PynetdicomPeer {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  #last: Promise<unknown> = Promise.resolve();

  constructor() {
    this.#child = spawn(peerPath('pynetdicom'), [join(REPOSITORY, 'tools/peers/pynetdicom_peer.py')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** Also takes reports on storage commitment. */
  listen(aeTitle: string, contexts: readonly ProposedContext[], port = 0): Promise<{ port: number }> {
    return this.#ask({ do: 'listen', aeTitle, contexts, port }) as Promise<{ port: number }>;
  }

  stopListening(): Promise<unknown> {
    return this.#ask({ do: 'stopListening' });
  }

  /** Asks for storage commitment of pairs of SOP Class and SOP Instance UID. */
  commit(
    archive: Archive,
    transactionUid: string,
    references: readonly (readonly [string, string])[],
    calling: string,
  ): Promise<PeerStatus> {
    return this.#ask({ do: 'commit', to: target(archive), transactionUid, references, calling }) as Promise<PeerStatus>;
  }

  /** Reports on storage commitment since the last call. */
  reported(): Promise<CommitmentReport[]> {
    return this.#ask({ do: 'reported' }) as Promise<CommitmentReport[]>;
  }

  /** Lets whoever reports wait so long for the answer. */
  hold(seconds: number): Promise<unknown> {
    return this.#ask({ do: 'hold', seconds });
  }

  received(): Promise<ReceivedInstance[]> {
    return this.#ask({ do: 'received' }) as Promise<ReceivedInstance[]>;
  }

  echo(archive: Archive, calling?: string): Promise<{ status: number }> {
    return this.#ask({ do: 'echo', to: target(archive), ...(calling ? { calling } : {}) }) as Promise<{ status: number }>;
  }

  store(archive: Archive, files: readonly PeerFile[]): Promise<(PeerStatus & { path: string })[]> {
    return this.#ask({ do: 'store', to: target(archive), files }) as Promise<(PeerStatus & { path: string })[]>;
  }

  find(
    archive: Archive,
    level: string,
    keys: Keys,
    options: { model?: 'patient' | 'study'; cancelAfter?: number } = {},
  ): Promise<{ status: PeerStatus; matches: DicomJson[] }> {
    return this.#ask({ do: 'find', to: target(archive), level, keys, ...options }) as Promise<{ status: PeerStatus; matches: DicomJson[] }>;
  }

  get(
    archive: Archive,
    level: string,
    keys: Keys,
    contexts: readonly ProposedContext[],
  ): Promise<RetrieveEnd & { received: ReceivedInstance[] }> {
    return this.#ask({ do: 'get', to: target(archive), level, keys, contexts }) as Promise<RetrieveEnd & { received: ReceivedInstance[] }>;
  }

  move(archive: Archive, level: string, keys: Keys, destination: string): Promise<RetrieveEnd> {
    return this.#ask({ do: 'move', to: target(archive), level, keys, destination }) as Promise<RetrieveEnd>;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'close');
  }

  /** One request at a time. */
  #ask(request: object): Promise<unknown> {
    const turn = this.#last.then(async () => {
      this.#child.stdin!.write(`${JSON.stringify(request)}\n`);
      const line = await this.#answers.next();
      if (line.done) throw new Error('The Python peer ended.');
      const answer = JSON.parse(line.value) as { ok?: unknown; error?: string };
      if (answer.error !== undefined) throw new Error(answer.error);
      return answer.ok;
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

function target(archive: Archive): { port: number; aeTitle: string } {
  return { port: archive.dicomPort, aeTitle: archive.aeTitle };
}
