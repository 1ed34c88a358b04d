/** CPU time and memory of a process and its descendants, from /proc (proc(5)). */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Unit of the times in /proc/<pid>/stat; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const KIB_PER_MIB = 1024;

interface Stat {
  readonly parent: number;
  readonly cpuSeconds: number;
}

/** The root and its descendants; a descendant whose command line is left out takes its own descendants with it. */
export function processTree(root: number, isLeftOut: (commandLine: string) => boolean = () => false): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? readStat(pid) : undefined;
    if (stat) children.set(stat.parent, [...(children.get(stat.parent) ?? []), pid]);
  }
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []).filter((child) => !isLeftOut(commandLine(child))));
  return found;
}

/** User and system seconds of the processes, their children that have ended included. */
export function cpuSecondsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (readStat(pid)?.cpuSeconds ?? 0), 0);
}

/** Resident memory in MiB now (VmRSS). */
export function rssMibOf(pids: readonly number[]): number {
  return sumOfStatus(pids, 'VmRSS');
}

/** Peak resident memory in MiB since the last reset (VmHWM, summed: exact for one process, an upper bound for several). */
export function peakRssMibOf(pids: readonly number[]): number {
  return sumOfStatus(pids, 'VmHWM');
}

/** Starts VmHWM anew from the present value (proc(5), clear_refs). */
export function resetPeakRss(pids: readonly number[]): void {
  for (const pid of pids) writeFileSync(`/proc/${pid}/clear_refs`, '5');
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

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
  } catch {
    return ''; // ended meanwhile
  }
}

function sumOfStatus(pids: readonly number[], field: 'VmRSS' | 'VmHWM'): number {
  return pids.reduce((sum, pid) => sum + statusMib(pid, field), 0);
}

function statusMib(pid: number, field: string): number {
  try {
    const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
    return Number(match?.[1] ?? 0) / KIB_PER_MIB;
  } catch {
    return 0; // ended meanwhile
  }
}
