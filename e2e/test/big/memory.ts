import { archiveProcesses, residentBytes } from '../harness/processes.ts';

/** Samples the resident memory of a process and all its descendants, in bytes. */
export class MemoryWatch {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  readonly idleBytes: number;
  #peakBytes = 0;

  /** @param pid - the root of the process tree; what it uses now counts as idle */
  constructor(pid: number) {
    this.#pid = pid;
    this.idleBytes = residentBytes(archiveProcesses(pid));
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
    this.#peakBytes = Math.max(this.#peakBytes, residentBytes(archiveProcesses(this.#pid)));
  }
}
