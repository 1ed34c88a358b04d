import { readFileSync, readdirSync } from 'node:fs';

/** The processes that the archive consists of, without the servers it stands on: what it started, and itself. */
export function archiveProcesses(root: number): number[] {
  return processTree(root).filter(isNode);
}

/** A process and all that it and its children started. */
export function processTree(root: number): number[] {
  const parents = new Map(processIds().map((pid) => [pid, numberIn(`/proc/${pid}/status`, /PPid:\s+(\d+)/)]));
  const inTree = (pid: number | undefined): boolean => pid !== undefined && (pid === root || inTree(parents.get(pid)));
  return [...parents.keys()].filter(inTree);
}

/** Resident memory now, bytes. */
export function residentBytes(pids: readonly number[]): number {
  return sumOf(pids, /VmRSS:\s+(\d+)/);
}

/** Peaks of resident memory since each process's start, summed, bytes. */
export function peakBytes(pids: readonly number[]): number {
  return sumOf(pids, /VmHWM:\s+(\d+)/);
}

/** Open descriptors. */
export function descriptorCount(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0);
}

function processIds(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function isNode(pid: number): boolean {
  try {
    return /(^|\/)node\0/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
  } catch {
    return false;
  }
}

function sumOf(pids: readonly number[], pattern: RegExp): number {
  return pids.reduce((sum, pid) => sum + (numberIn(`/proc/${pid}/status`, pattern) ?? 0) * 1024, 0);
}

/** A process may end while it is read. */
function numberIn(path: string, pattern: RegExp): number | undefined {
  try {
    const found = pattern.exec(readFileSync(path, 'utf8'))?.[1];
    return found === undefined || found === '0' ? undefined : Number(found);
  } catch {
    return undefined;
  }
}
