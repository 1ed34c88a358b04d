import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendJson } from './http-door.ts';
import { mergeMetrics } from './merge-metrics.ts';
import type { ServiceProcess } from './service-process.ts';

const TIMEOUT_MS = 5_000;

/** Answers what concerns all services together; false for everything else. */
export function operatorPages(
  processes: readonly ServiceProcess[],
  startPage: () => string,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const pages: Readonly<Record<string, (response: ServerResponse) => Promise<void> | void>> = {
    '/': (response) => {
      response.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
        'x-content-type-options': 'nosniff',
      });
      response.end(startPage());
    },
    '/health/live': (response) => sendJson(response, 200, { status: 'live' }),
    '/health/ready': async (response) => {
      const { ready, checks } = await readiness(processes);
      sendJson(response, ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', checks });
    },
    '/metrics': async (response) => {
      const text = await metrics(processes);
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
      response.end(text);
    },
  };
  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false;
    const page = pages[request.url?.split('?', 1)[0] ?? ''];
    if (page === undefined) return false;
    void page(response);
    return true;
  };
}

/** Ready when every replica is; the checks of all by `ingest-0: object store`. */
async function readiness(processes: readonly ServiceProcess[]): Promise<{ ready: boolean; checks: Record<string, string> }> {
  const answers = await Promise.all(processes.map(async (process_) => ({ process_, answer: await get(process_, '/health/ready') })));
  const checks: Record<string, string> = {};
  for (const { process_, answer } of answers) {
    if (answer === undefined) checks[process_.name] = 'No answer.';
    else {
      const body = JSON.parse(answer.text) as { checks: Record<string, string> };
      for (const [name, result] of Object.entries(body.checks)) checks[`${process_.name}: ${name}`] = result;
    }
  }
  return { ready: answers.length > 0 && answers.every(({ answer }) => answer?.status === 200), checks };
}

async function metrics(processes: readonly ServiceProcess[]): Promise<string> {
  const parts = await Promise.all(
    processes.map(async (process_) => {
      const labels = { service: process_.service, replica: `${process_.replica}` };
      return { labels, text: (await get(process_, '/metrics'))?.text ?? '' };
    }),
  );
  return mergeMetrics(parts);
}

async function get(process_: ServiceProcess, path: string): Promise<{ status: number; text: string } | undefined> {
  if (!process_.isRunning) return undefined;
  try {
    const answer = await fetch(`http://127.0.0.1:${process_.httpPort}${path}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return { status: answer.status, text: await answer.text() };
  } catch {
    return undefined;
  }
}
