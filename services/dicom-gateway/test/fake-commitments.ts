import type { CommitmentReport, CommitmentRequest, CommitmentService, SendReport } from '@cairn/archive';
import type { Scope } from '@cairn/core';

/** Takes requests, and commits all that they name in the order in which they came; reports that fail are given again. */
export class FakeCommitments implements CommitmentService {
  readonly requests: CommitmentRequest[] = [];
  readonly due: CommitmentReport[] = [];
  /** Errors of reports that were not taken. */
  readonly failures: unknown[] = [];
  /** Calls for the next report that fail. */
  outages = 0;
  /** Refuses requests. */
  refusal: Error | undefined;

  async request(_scope: Scope, request: CommitmentRequest): Promise<void> {
    if (this.refusal) throw this.refusal;
    this.requests.push(await Promise.resolve(request));
    const { transactionUid, requestorAet, references } = request;
    this.due.push({ transactionUid, requestorAet, committed: references, failed: [] });
  }

  async handleNext(_scope: Scope, send: SendReport, signal: AbortSignal): Promise<boolean> {
    if (this.outages > 0) {
      this.outages -= 1;
      throw new Error('outage');
    }
    const report = this.due.shift();
    if (report === undefined) return false;
    try {
      await send(report, signal);
    } catch (error) {
      this.failures.push(error);
      this.due.push(report);
      return false;
    }
    return true;
  }
}
