import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { CairnError } from '@cairn/core';
import type { EventLog } from './event-log.ts';

/** A call of the log's worker. */
export interface LogCall {
  number: number;
  method: keyof EventLog;
  args: readonly unknown[];
}

/** The worker's answer: `result`, or `error` as text. */
export interface LogReply {
  number: number;
  result?: unknown;
  error?: string;
}

interface PendingCall {
  resolve: (result: unknown) => void;
  reject: (error: CairnError) => void;
}

/** {@link EventLog} in its worker thread. Failures of the log or the thread → `event-bus.unavailable` (retriable). */
export class EventLogClient {
  readonly #worker: Worker;
  readonly #pending = new Map<number, PendingCall>();
  #callCount = 0;
  #failure: CairnError | undefined;

  private constructor(file: string) {
    const extension = extname(import.meta.url);
    this.#worker = new Worker(new URL(`./event-log.worker${extension}`, import.meta.url), {
      workerData: file,
      execArgv: extension === '.ts' ? ['--conditions=@cairn/source', '--disable-warning=ExperimentalWarning'] : [],
    });
    this.#worker.on('message', (reply: LogReply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('The log has been closed.')));
  }

  /** Starts the worker and opens the log. */
  static async open(file: string): Promise<EventLogClient> {
    const client = new EventLogClient(file);
    await client.call('check');
    return client;
  }

  call<M extends keyof EventLog>(method: M, ...args: Parameters<EventLog[M]>): Promise<ReturnType<EventLog[M]>> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const number = this.#callCount++;
      this.#pending.set(number, { resolve: resolve as PendingCall['resolve'], reject });
      this.#worker.postMessage({ number, method, args } satisfies LogCall);
    });
  }

  /** Waits for calls under way, then ends the worker. */
  async close(): Promise<void> {
    if (this.#failure !== undefined) return;
    await this.call('close').catch(() => undefined);
    await this.#worker.terminate();
  }

  #settle({ number, result, error }: LogReply): void {
    const call = this.#pending.get(number);
    this.#pending.delete(number);
    if (error === undefined) call?.resolve(result);
    else call?.reject(unavailable(error));
  }

  #fail(error: unknown): void {
    this.#failure ??= unavailable(error);
    for (const call of this.#pending.values()) call.reject(this.#failure);
    this.#pending.clear();
  }
}

function unavailable(cause: unknown): CairnError {
  return new CairnError('event-bus.unavailable', 'The log of the event bus does not answer.', { retriable: true, cause });
}
