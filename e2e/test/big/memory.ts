import { readFileSync, readdirSync } from 'node:fs';

/** Samples the resident memory of a process and all its descendants, in bytes. */
export class MemoryWatch {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  readonly idleBytes: number;
  #peakBytes = 0;

  /** @param pid - the root of the process tree; what it uses now counts as idle */
  constructor(pid: number) {
    this.#pid = pid;
    this.idleBytes = treeBytes(pid);
    this.#timer = setInterval(() => this.#sample(), 50);
  }

  /** Highest sum seen above idle, since the start or the last call. */
  takePeakAboveIdle(): number {
    this.#sample();
    const peak = this.#peakBytes - this.idleBytes;
    this.#peakBytes = 0;
    return peak;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    this.#peakBytes = Math.max(this.#peakBytes, treeBytes(this.#pid));
  }
}

function treeBytes(root: number): number {
  const parents = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => [Number(pid), parentOf(pid)]),
  );
  const inTree = (pid: number | undefined): boolean => pid !== undefined && (pid === root || inTree(parents.get(pid)));
  return [...parents.keys()].filter((pid) => inTree(pid)).reduce((sum, pid) => sum + residentBytes(pid), 0);
}

function parentOf(pid: string): number | undefined {
  return numberIn(`/proc/${pid}/status`, /PPid:\s+(\d+)/);
}

function residentBytes(pid: number): number {
  return (numberIn(`/proc/${pid}/status`, /VmRSS:\s+(\d+)/) ?? 0) * 1024;
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
