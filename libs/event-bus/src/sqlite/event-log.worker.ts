import { parentPort, workerData } from 'node:worker_threads';
import { EventLog } from './event-log.ts';
import type { LogCall, LogReply } from './event-log-client.ts';

const log = new EventLog(String(workerData));

parentPort?.on('message', (call: LogCall) => {
  parentPort?.postMessage(answer(call));
  if (call.method === 'close') parentPort?.close();
});

function answer({ number, method, args }: LogCall): LogReply {
  try {
    const work = log[method] as (...args: readonly unknown[]) => unknown;
    return { number, result: work.apply(log, [...args]) };
  } catch (error) {
    return { number, error: String(error) };
  }
}
