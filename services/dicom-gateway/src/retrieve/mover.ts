import type { Association, StoreRequest } from '@cairn/dimse';
import type { Logger, Scope } from '@cairn/core';
import type { InstanceRetriever } from '@cairn/archive';
import type { RetrievableInstance } from '@cairn/metadata-store';
import type { Destination } from './destination.ts';
import { codeOf, contextForInstance, sendInstance } from './sub-operation.ts';
import type { SubOperationResult, Tally } from './tally.ts';

/** What a C-MOVE sends, and how. */
export interface MoveJob {
  scope: Scope;
  instances: AsyncGenerator<RetrievableInstance>;
  destination: Destination;
  moveOriginator: NonNullable<StoreRequest['moveOriginator']>;
  /** Associations at once. */
  parallel: number;
  tally: Tally;
  signal: AbortSignal;
  onProgress(): void;
}

/** Runs the sub-operations of one C-MOVE over several associations; each takes the next instance when it is free. */
export class Mover {
  readonly #retriever: InstanceRetriever;
  readonly #logger: Logger;
  readonly #job: MoveJob;
  /** Aborts when nothing is left to send: associations that are still being opened are not needed any more. */
  readonly #exhausted = new AbortController();

  constructor(retriever: InstanceRetriever, logger: Logger, job: MoveJob) {
    this.#retriever = retriever;
    this.#logger = logger;
    this.#job = job;
  }

  /** Resolves when every instance is sent or failed, or the job was cancelled. Rejects only when the instances cannot be listed. */
  async run(): Promise<void> {
    const { parallel, instances, signal } = this.#job;
    await Promise.all(Array.from({ length: parallel }, async () => await this.#work()));
    // Left over when no association could be opened, or all were lost.
    while (!signal.aborted) {
      const { value: instance } = await instances.next();
      if (!instance) return;
      this.#count('failed', instance);
    }
  }

  /** A lost association is opened once more after each instance that went well; a peer that keeps failing is given up. */
  async #work(): Promise<void> {
    const { signal } = this.#job;
    for (let healthy = true; healthy && !signal.aborted;) {
      const association = await this.#connect();
      if (!association) return;
      try {
        healthy = await this.#sendAll(association);
      } finally {
        await association.release();
      }
    }
  }

  async #connect(): Promise<Association | undefined> {
    try {
      return await this.#job.destination.connect(AbortSignal.any([this.#job.signal, this.#exhausted.signal]));
    } catch (error) {
      if (!this.#exhausted.signal.aborted) this.#logger.warn({ code: codeOf(error) }, 'gateway.destination-unreachable');
      return undefined;
    }
  }

  /** Sends until nothing is left (false) or the association is lost; then true if anything had gone well. */
  async #sendAll(association: Association): Promise<boolean> {
    const { instances, signal } = this.#job;
    let sent = false;
    while (!signal.aborted) {
      const { value: instance } = await instances.next();
      if (!instance) {
        this.#exhausted.abort();
        break;
      }
      const result = await this.#send(association, instance);
      this.#count(result === 'lost' ? 'failed' : result, instance);
      if (result === 'lost') return sent;
      sent = true;
    }
    return false;
  }

  async #send(association: Association, instance: RetrievableInstance): Promise<SubOperationResult | 'lost'> {
    const { scope, moveOriginator, signal } = this.#job;
    const context = contextForInstance(association, this.#retriever, instance);
    if (!context) return 'failed';
    try {
      const outgoing = await this.#retriever.openDataSet(scope, instance, context.transferSyntaxUid, signal);
      return await sendInstance(association, instance, outgoing, moveOriginator);
    } catch (error) {
      this.#logger.warn({ code: codeOf(error) }, 'gateway.sub-operation-failed');
      return association.isOpen ? 'failed' : 'lost';
    }
  }

  #count(result: SubOperationResult, instance: RetrievableInstance): void {
    this.#job.tally.add(result, instance.sopInstanceUid);
    this.#job.onProgress();
  }
}
