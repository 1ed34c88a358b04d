import { CairnError, Semaphore } from '@cairn/core';
import { isPending } from '../error-table.ts';
import { COMMAND } from './command-set.ts';
import type { CommandSet } from './command-set.ts';
import type { FlowControl } from './flow-control.ts';
import { CollectedDataSet, MAX_COLLECTED_LENGTH } from './incoming-data-set.ts';
import type { DataSetSink } from './incoming-data-set.ts';
import type { OutgoingDataSet } from './message-writer.ts';
import type { AcceptedContext } from './agreement.ts';
import type { RequestOptions, Response } from './requests.ts';

/** Parts of an association that sending requests needs. */
export interface UserParts {
  send(context: AcceptedContext, command: CommandSet, dataSet?: OutgoingDataSet): Promise<void>;
  abort(error: CairnError): void;
  flow: FlowControl;
  /** Requests under way at once. */
  window: number;
  responseTimeoutMs: number;
}

/** Sends requests to the peer and brings its responses to those who wait. */
export class ServiceUser {
  readonly #parts: UserParts;
  readonly #window: Semaphore;
  readonly #waiting = new Map<number, ResponseQueue>();
  #lastMessageId = 0;
  #ended: CairnError | undefined;

  constructor(parts: UserParts) {
    this.#parts = parts;
    this.#window = new Semaphore(parts.window);
  }

  /** Requests that have no final response yet. */
  get requests(): number {
    return this.#waiting.size;
  }

  /**
   * One request and its responses, the last of which is not pending. Leaving the loop early cancels. Rejects with
   * `dimse.aborted` or `dimse.timeout`; then the association is over.
   */
  async *request(
    context: AcceptedContext,
    command: CommandSet,
    dataSet?: OutgoingDataSet,
    options: RequestOptions = {},
  ): AsyncGenerator<Response, void, undefined> {
    const release = await this.#window.acquire(options.signal);
    const messageId = this.#nextMessageId();
    const queue = new ResponseQueue(this.#parts.flow, options.responseTimeoutMs ?? this.#parts.responseTimeoutMs, () => this.#timeOut());
    const cancel = (): void => this.#cancel(context, command, messageId);
    let finished = false;
    try {
      if (this.#ended) throw this.#ended;
      this.#waiting.set(messageId, queue);
      options.signal?.addEventListener('abort', cancel, { once: true });
      await this.#parts.send(context, { ...command, MessageID: messageId }, dataSet);
      while (!finished) {
        const response = await queue.next();
        finished = !isPending(response.status);
        yield response;
      }
    } finally {
      options.signal?.removeEventListener('abort', cancel);
      if (!finished && !this.#ended) await this.#drain(queue, cancel);
      this.#waiting.delete(messageId);
      queue.close();
      release();
    }
  }

  /** A response has come; gives the sink for its data set. Throws `dimse.protocol` when nobody waits for it. */
  respond(command: CommandSet): DataSetSink {
    const queue = this.#waiting.get(command.MessageIDBeingRespondedTo ?? -1);
    if (!queue || command.Status === undefined) throw new CairnError('dimse.protocol', 'A response answers no request.');
    const response: Response = { status: command.Status, command };
    return new CollectedDataSet(MAX_COLLECTED_LENGTH, (dataSet) => {
      if (!dataSet) this.#parts.abort(new CairnError('dimse.protocol', 'The data set of a response is too long.'));
      else queue.push(dataSet.length > 0 ? { ...response, dataSet } : response);
    });
  }

  /** The association is over: all who wait are told. */
  end(error: CairnError): void {
    this.#ended = error;
    for (const queue of this.#waiting.values()) queue.fail(error);
  }

  /** The caller has left before the end: cancels and reads on to the final response, so that the association stays in step. */
  async #drain(queue: ResponseQueue, cancel: () => void): Promise<void> {
    cancel();
    try {
      while (isPending((await queue.next()).status));
    } catch {
      // The association is over; whoever uses it next is told.
    }
  }

  #cancel(context: AcceptedContext, command: CommandSet, messageId: number): void {
    const cancellable =
      command.CommandField === COMMAND.find || command.CommandField === COMMAND.get || command.CommandField === COMMAND.move;
    if (!cancellable) this.#parts.abort(new CairnError('dimse.aborted', 'The request was cancelled.'));
    else this.#parts.send(context, { CommandField: COMMAND.cancel, MessageIDBeingRespondedTo: messageId }).catch(() => {});
  }

  #timeOut(): void {
    this.#parts.abort(new CairnError('dimse.timeout', 'The peer did not respond in time.', { retriable: true }));
  }

  #nextMessageId(): number {
    do this.#lastMessageId = (this.#lastMessageId % 0xffff) + 1;
    while (this.#waiting.has(this.#lastMessageId));
    return this.#lastMessageId;
  }
}

/** The responses to one request, in order. */
class ResponseQueue {
  readonly #flow: FlowControl;
  readonly #timeoutMs: number;
  readonly #onTimeout: () => void;
  readonly #responses: Response[] = [];
  #waiter: { resolve(response: Response): void; reject(error: CairnError): void } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #error: CairnError | undefined;

  constructor(flow: FlowControl, timeoutMs: number, onTimeout: () => void) {
    this.#flow = flow;
    this.#timeoutMs = timeoutMs;
    this.#onTimeout = onTimeout;
  }

  push(response: Response): void {
    clearTimeout(this.#timer);
    if (this.#waiter) {
      const waiter = this.#waiter;
      this.#waiter = undefined;
      waiter.resolve(response);
    } else {
      this.#responses.push(response);
      this.#flow.hold(response.dataSet?.length ?? 0);
    }
  }

  fail(error: CairnError): void {
    clearTimeout(this.#timer);
    this.#error = error;
    this.#waiter?.reject(error);
    this.#waiter = undefined;
  }

  next(): Promise<Response> {
    const response = this.#responses.shift();
    if (response) {
      this.#flow.free(response.dataSet?.length ?? 0);
      return Promise.resolve(response);
    }
    if (this.#error) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      this.#timer = setTimeout(this.#onTimeout, this.#timeoutMs);
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const response of this.#responses.splice(0)) this.#flow.free(response.dataSet?.length ?? 0);
  }
}
