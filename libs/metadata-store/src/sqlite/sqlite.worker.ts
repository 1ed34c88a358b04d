import { dirname, join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { CairnError, systemErrorCode } from '@cairn/core';
import type { ErrorCode } from '@cairn/core';
import { Database } from './database.ts';
import { JobsFile } from './jobs-file.ts';
import { call, createHandlers } from './operations.ts';
import { createSchema } from './schema.ts';
import type { OperationName, WorkerCall, WorkerOptions, WorkerRequest, WorkerResponse } from './worker-protocol.ts';

/** One connection off the event loop: takes calls in order; a long query lets others in between and can be aborted. */
const { file, role } = workerData as WorkerOptions;
const port = parentPort!;
const db = new Database(file, role === 'reader');
if (role === 'writer') createSchema(db.connection);
const jobs = new JobsFile(join(dirname(file), 'jobs.sqlite'));
const handlers = createHandlers(db, jobs);
const aborted = new Set<number>();
const underWay = new Map<number, Promise<void>>();

port.on('message', (request: WorkerRequest | 'close') => {
  if (request === 'close') return void close();
  if ('abort' in request) {
    if (underWay.has(request.id)) aborted.add(request.id);
    return;
  }
  const answered = answer(request).then((response) => {
    underWay.delete(request.id);
    aborted.delete(request.id);
    port.postMessage(response);
  });
  underWay.set(request.id, answered);
});
port.postMessage('ready');

async function close(): Promise<void> {
  for (const id of underWay.keys()) aborted.add(id);
  await Promise.all(underWay.values());
  jobs.close();
  db.close();
  port.close();
}

async function answer({ id, operation, scope, args }: WorkerCall<OperationName>): Promise<WorkerResponse> {
  try {
    return { id, result: await call(handlers, operation, scope, args, () => aborted.has(id)) };
  } catch (error) {
    return { id, error: describe(error) };
  }
}

/** Messages of other errors may quote what they failed on: they stay here. */
function describe(error: unknown): { code: ErrorCode; message: string } {
  if (CairnError.is(error)) return { code: error.code, message: error.message };
  if (systemErrorCode(error) === 'ERR_SQLITE_ERROR') {
    return { code: 'metadata-store.unavailable', message: `The index failed: ${(error as Error).message}.` };
  }
  return { code: 'internal.unexpected', message: `The index failed with ${error instanceof Error ? error.name : typeof error}.` };
}
