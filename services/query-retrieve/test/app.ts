import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { silentLogger, systemScope } from '@cairn/core';
import { createHttpApp } from '@cairn/platform-nest';
import { Metrics } from '@cairn/telemetry';
import { QueryRetrieveModule, httpStatusOf } from '../src/query-retrieve.module.ts';
import { FakeQueries, FakeRetriever } from './fakes.ts';

/** An answer, its body whole. */
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** True when the connection was cut before the body's end. */
  cut: boolean;
}

/** The service on loopback over fakes. */
export interface TestApp {
  queries: FakeQueries;
  retriever: FakeRetriever;
  port: number;
  base: string;
  /** Events logged as errors. */
  logged: string[];
  /** Asks for a path below the base, exactly as written. */
  get(path: string, headers?: Record<string, string>, method?: string): Promise<Answer>;
  close(): Promise<void>;
}

/** Starts the service on a free port. */
export async function startApp(): Promise<TestApp> {
  const queries = new FakeQueries();
  const retriever = new FakeRetriever();
  const logged: string[] = [];
  const logger = { ...silentLogger, error: (_fields: object, event: string) => void logged.push(event) };
  const scope = systemScope('default');
  const module = QueryRetrieveModule.forRoot({ defaultLimit: 5, maxLimit: 10 }, { queries, retriever, scopeOf: () => scope });
  const app = await createHttpApp(module, {
    logger,
    metrics: new Metrics(),
    statusOf: httpStatusOf,
    corsOrigins: ['http://viewer.example'],
    trustedProxies: [],
    basePath: '/dicom-web',
  });
  await app.listen(0, '127.0.0.1');
  const port = Number(new URL(await app.getUrl()).port);
  return {
    queries,
    retriever,
    logged,
    port,
    base: `http://127.0.0.1:${port}/dicom-web`,
    get: (path, headers = {}, method = 'GET') => ask(port, `/dicom-web${path}`, headers, method),
    close: () => app.close(),
  };
}

function ask(port: number, path: string, headers: Record<string, string>, method: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, host: '127.0.0.1', path, headers, method, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      const settle = (): void =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks), cut: !response.complete });
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => undefined);
      response.on('close', settle);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
