/** CPU time and memory of a process and its descendants, from /proc (proc(5)). */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Unit of the times in /proc/<pid>/stat; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const KIB_PER_MIB = 1024;

interface Stat {
  readonly parent: number;
  readonly cpuSeconds: number;
}

/** User and system seconds of the tree, children that have ended included. */
export function treeCpuSeconds(root: number): number {
  return tree(root).reduce((sum, pid) => sum + (readStat(pid)?.cpuSeconds ?? 0), 0);
}

/** Resident memory of the tree in MiB now (VmRSS). */
export function treeRssMib(root: number): number {
  return sumOfStatus(root, 'VmRSS');
}

/** Peak resident memory in MiB since the last reset (VmHWM, summed over the tree: exact for one process, an upper bound for several). */
export function treePeakRssMib(root: number): number {
  return sumOfStatus(root, 'VmHWM');
}

/** Starts VmHWM anew from the present value (proc(5), clear_refs). */
export function resetPeakRss(root: number): void {
  for (const pid of tree(root)) writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number); // the name before may hold spaces
    const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15);
    return { parent: fields[1] ?? 0, cpuSeconds: (utime + stime + cutime + cstime) / TICKS_PER_SECOND };
  } catch {
    return undefined; // ended meanwhile
  }
}

function tree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? readStat(pid) : undefined;
    if (stat) children.set(stat.parent, [...(children.get(stat.parent) ?? []), pid]);
  }
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}

function sumOfStatus(root: number, field: 'VmRSS' | 'VmHWM'): number {
  return tree(root).reduce((sum, pid) => sum + statusMib(pid, field), 0);
}

function statusMib(pid: number, field: string): number {
  try {
    const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
    return Number(match?.[1] ?? 0) / KIB_PER_MIB;
  } catch {
    return 0; // ended meanwhile
  }
}
