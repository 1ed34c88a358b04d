import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from './cache.ts';
import type { ServerName } from './server-definition.ts';

/** A server process as its record in the cache folder tells of it. */
export interface ProcessRecord {
  name: ServerName;
  pid: number;
  /** When the process began, by the system's clock: tells it from a later one with the same id. */
  started: string;
  /** The process that must end it; when that is gone, anybody may. Undefined for `infra up`. */
  owner?: { pid: number; started: string };
  address: string;
  /** Holds its data and its log. */
  folder: string;
  /** The folder goes with the process. */
  temporary: boolean;
}

const POLL_MS = 20;

/** All records, those of dead processes too. */
export async function listRecords(): Promise<ProcessRecord[]> {
  const names = await readdir(recordFolder()).catch(() => []);
  const records = await Promise.all(
    names.map((name) =>
      readFile(join(recordFolder(), name), 'utf8').then(
        (text) => JSON.parse(text) as ProcessRecord,
        () => undefined,
      ),
    ),
  );
  return records.filter((record) => record !== undefined);
}

export async function writeRecord(record: ProcessRecord): Promise<void> {
  await mkdir(recordFolder(), { recursive: true });
  await writeFile(recordPath(record), JSON.stringify(record));
}

export async function removeRecord(record: ProcessRecord): Promise<void> {
  await rm(recordPath(record), { force: true });
}

/** Ends servers whose owner died without ending them, and forgets those of nobody that are gone. */
export async function sweepRecords(): Promise<void> {
  for (const record of await listRecords()) {
    if (record.owner === undefined ? await isAlive(record) : await isAlive(record.owner)) continue;
    await endRecorded(record, 'SIGKILL');
  }
}

/** Ends exactly the recorded process, if it still runs, and removes what it leaves. */
export async function endRecorded(record: ProcessRecord, signal: NodeJS.Signals): Promise<void> {
  await endProcess(record, signal);
  if (record.temporary) await rm(record.folder, { recursive: true, force: true });
  await removeRecord(record);
}

/** Sends the signal and waits until the process is gone; one that ignores SIGTERM for 15 s is killed. */
export async function endProcess(process_: { pid: number; started: string }, signal: NodeJS.Signals): Promise<void> {
  const deadline = Date.now() + 15_000;
  if (await isAlive(process_)) process.kill(process_.pid, signal);
  while (await isAlive(process_)) {
    if (Date.now() > deadline) process.kill(process_.pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** True while the very process runs; a zombie does not. */
export async function isAlive(process_: { pid: number; started: string }): Promise<boolean> {
  return (await startOf(process_.pid)) === process_.started;
}

/** What tells a process from a later one with its id; undefined when it does not run. On systems without /proc only `running`. */
export async function startOf(pid: number): Promise<string | undefined> {
  try {
    process.kill(pid, 0);
  } catch {
    return undefined;
  }
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return 'running';
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : fields[19];
}

function recordFolder(): string {
  return join(cacheFolder(), 'running');
}

function recordPath({ name, pid }: ProcessRecord): string {
  return join(recordFolder(), `${name}-${pid}.json`);
}
