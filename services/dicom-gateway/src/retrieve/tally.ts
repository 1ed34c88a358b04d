import { encodeDataSet } from '@cairn/dicom';
import { STATUS } from '@cairn/dimse';
import type { FinalResponse, SubOperations } from '@cairn/dimse';
import { TAG } from '../find/identifier.ts';

/** How one C-STORE sub-operation ended. */
export type SubOperationResult = 'completed' | 'warning' | 'failed';

/** Failed UIDs that are listed; the counters go on. What a peer's bound on an identifier surely takes. */
const MAX_FAILED_LISTED = 10_000;

/** The counters of one retrieve. */
export class Tally {
  readonly #total: number;
  readonly #failedUids: string[] = [];
  #completed = 0;
  #warning = 0;
  #failed = 0;

  constructor(total: number) {
    this.#total = total;
  }

  /** Counts one sub-operation. */
  add(result: SubOperationResult, sopInstanceUid: string): void {
    if (result === 'completed') this.#completed += 1;
    else if (result === 'warning') this.#warning += 1;
    else {
      this.#failed += 1;
      if (this.#failedUids.length < MAX_FAILED_LISTED) this.#failedUids.push(sopInstanceUid);
    }
  }

  /** Sub-operations done so far. */
  get done(): number {
    return this.#completed + this.#warning + this.#failed;
  }

  /** For a pending response. */
  pending(): SubOperations {
    return { remaining: Math.max(0, this.#total - this.done), ...this.#counts() };
  }

  /**
   * The final response (PS3.4 §C.4.2.1.5, §C.4.3.1.4): 0000 when all went well, B000 when some failed or gave a warning, A702
   * when all failed, FE00 when it was cancelled, which alone tells what remains. Failed instances are listed.
   */
  final(cancelled: boolean, transferSyntaxUid: string): FinalResponse {
    const subOperations = cancelled ? this.pending() : this.#counts();
    const response = { status: this.#status(cancelled), subOperations };
    if (this.#failedUids.length === 0) return response;
    const list = { [TAG.failedSopInstanceUidList]: { vr: 'UI', Value: this.#failedUids } };
    return { ...response, identifier: encodeDataSet(list, transferSyntaxUid) };
  }

  #counts(): SubOperations {
    return { completed: this.#completed, failed: this.#failed, warning: this.#warning };
  }

  #status(cancelled: boolean): number {
    if (cancelled) return STATUS.cancel;
    if (this.#failed + this.#warning === 0) return STATUS.success;
    return this.#failed === this.done ? STATUS.outOfResourcesSubOperations : STATUS.subOperationsWarning;
  }
}
