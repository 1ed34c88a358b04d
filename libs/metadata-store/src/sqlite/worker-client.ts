import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { CairnError } from '@cairn/core';
import type { Scope } from '@cairn/core';
import type { OperationName, WorkerCall, WorkerOperations, WorkerOptions, WorkerResponse } from './worker-protocol.ts';

interface Pending {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** The main thread's side of one worker: calls by promise, aborts, and failure of all pending calls when the worker dies. */
export class WorkerClient {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  #nextId = 1;
  #failure: CairnError | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (response: WorkerResponse) => this.#settle(response));
    worker.on('error', (error) => this.#fail(error));
    this.#exited = new Promise((resolve) => {
      worker.on('exit', () => {
        this.#fail(undefined);
        resolve();
      });
    });
  }

  /** Starts a worker; resolves when it has opened the file. */
  static async start(options: WorkerOptions): Promise<WorkerClient> {
    const extension = extname(import.meta.url);
    const worker = new Worker(new URL(`./sqlite.worker${extension}`, import.meta.url), {
      workerData: options,
      execArgv:
        extension === '.ts'
          ? ['--conditions=@cairn/source', '--disable-warning=ExperimentalWarning']
          : ['--disable-warning=ExperimentalWarning'],
    });
    await new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve());
      worker.once('error', (cause: Error) =>
        reject(new CairnError('metadata-store.unavailable', `The index file cannot be opened: ${cause.message}`, { cause })),
      );
    });
    return new WorkerClient(worker);
  }

  /** Calls an operation; with an aborted signal it rejects with its reason at once and the worker stops soon after. */
  call<K extends OperationName>(
    operation: K,
    scope: Scope,
    args: Parameters<WorkerOperations[K]>,
    signal?: AbortSignal,
  ): Promise<ReturnType<WorkerOperations[K]>> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      if (this.#failure !== undefined) throw this.#failure;
      const id = this.#nextId++;
      const abort = (): void => {
        this.#pending.delete(id);
        this.#worker.postMessage({ id, abort: true });
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#pending.set(id, {
        resolve: (result) => {
          signal?.removeEventListener('abort', abort);
          resolve(result as ReturnType<WorkerOperations[K]>);
        },
        reject: (error) => {
          signal?.removeEventListener('abort', abort);
          reject(error as Error);
        },
      });
      const request: WorkerCall<K> = { id, operation, scope, args };
      this.#worker.postMessage(request);
    });
  }

  /** Ends the worker after the calls already made; later ones are refused. */
  async close(): Promise<void> {
    this.#failure ??= new CairnError('metadata-store.unavailable', 'The index is closed.');
    this.#worker.postMessage('close');
    await this.#exited;
  }

  #settle(response: WorkerResponse): void {
    const pending = this.#pending.get(response.id);
    if (pending === undefined) return;
    this.#pending.delete(response.id);
    if ('result' in response) return pending.resolve(response.result);
    const { code, message } = response.error;
    pending.reject(new CairnError(code, message, { retriable: code === 'metadata-store.unavailable' }));
  }

  #fail(cause: unknown): void {
    this.#failure ??= new CairnError('metadata-store.unavailable', 'The index worker ended.', { retriable: true, cause });
    for (const pending of this.#pending.values()) pending.reject(this.#failure);
    this.#pending.clear();
  }
}
