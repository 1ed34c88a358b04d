import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CairnError, silentLogger } from '@cairn/core';
import { currentTraceparent, markFailed, startSpan, startTracing, traced, withinSpan } from '../src/index.ts';

interface ExportedSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  kind: number;
  attributes: { key: string; value: unknown }[];
  links?: { traceId: string }[];
  status: { code?: number; message?: string };
}

interface ExportRequest {
  resourceSpans: {
    resource: { attributes: { key: string; value: { stringValue?: string } }[] };
    scopeSpans: { spans: ExportedSpan[] }[];
  }[];
}

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('startTracing', () => {
  let collector: Server;
  let requests: ExportRequest[];
  let types: (string | undefined)[];
  let stop: () => Promise<void>;

  beforeEach(async () => {
    requests = [];
    types = [];
    stop = async () => undefined;
    collector = createServer((request, response) => {
      types.push(request.headers['content-type']);
      void text(request).then((body) => {
        if (request.headers['content-type'] === 'application/json') requests.push(JSON.parse(body) as ExportRequest);
        response.end('{}');
      });
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => collector.once('listening', resolve));
    process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
    process.env['OTEL_EXPORTER_OTLP_PROTOCOL'] = 'http/json';
  });

  afterEach(async () => {
    await stop();
    collector.closeAllConnections();
    await new Promise((resolve) => collector.close(resolve));
    for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
  });

  const start = async (more: Record<string, string> = {}): Promise<void> => {
    Object.assign(process.env, more);
    stop = await startTracing('test', process.env, silentLogger);
  };
  const exported = (): ExportedSpan[] => requests.flatMap(({ resourceSpans }) => resourceSpans.flatMap(spansOf));

  it('sends spans of one trace, the active one being the parent, to the collector', async () => {
    await start();
    await traced('outer', { kind: 'server', parent: TRACEPARENT, attributes: { n: 1 } }, async () => {
      expect(currentTraceparent()).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
      await traced('inner', {}, async () => undefined);
    });
    await stop();
    const [inner, outer] = exported();
    expect(outer).toMatchObject({ name: 'outer', traceId: TRACEPARENT.slice(3, 35), parentSpanId: TRACEPARENT.slice(36, 52), kind: 2 });
    expect(inner).toMatchObject({ name: 'inner', traceId: outer!.traceId, parentSpanId: outer!.spanId, kind: 1 });
    const resource = new Map(requests[0]!.resourceSpans[0]!.resource.attributes.map(({ key, value }) => [key, value.stringValue]));
    expect(resource.get('service.name')).toBe('test');
  });

  it('marks a failed span with the code of its error, and never with its text', async () => {
    await start({ OTEL_SERVICE_NAME: 'named' });
    const failing = traced('work', {}, async () => {
      throw new CairnError('archive.busy', 'Doe^John');
    });
    await expect(failing).rejects.toMatchObject({ code: 'archive.busy' });
    await expect(traced('other', {}, () => Promise.reject(new Error('Doe^John')))).rejects.toThrow('Doe^John');
    await stop();
    expect(exported().map(({ status, attributes }) => [status.code, attributes])).toEqual([
      [2, [{ key: 'error.type', value: { stringValue: 'archive.busy' } }]],
      [2, [{ key: 'error.type', value: { stringValue: 'internal.unexpected' } }]],
    ]);
    expect(JSON.stringify(requests)).not.toContain('Doe');
    expect(JSON.stringify(requests)).toContain('"stringValue":"named"');
  });

  it('links spans of other traces', async () => {
    await start();
    const first = startSpan('first', { parent: null });
    const second = startSpan('second', { parent: null, links: [first], startMs: 1000 });
    withinSpan(second, () => expect(currentTraceparent()).toContain(second.spanContext().traceId));
    markFailed(second, 'C211');
    for (const span of [first, second]) span.end();
    await stop();
    const [, sent] = exported();
    expect(sent!.links).toEqual([expect.objectContaining({ traceId: first.spanContext().traceId })]);
    expect(first.spanContext().traceId).not.toBe(second.spanContext().traceId);
  });

  it('speaks protobuf unless told otherwise', async () => {
    await start({ OTEL_EXPORTER_OTLP_PROTOCOL: '' });
    await traced('work', {}, async () => undefined);
    await stop();
    expect(types).toEqual(['application/x-protobuf']);
  });

  it.each([
    { OTEL_SDK_DISABLED: 'true' },
    { OTEL_TRACES_EXPORTER: 'none' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: '' },
    { OTEL_TRACES_SAMPLER: 'always_off' },
  ])('sends nothing with %p', async (variables) => {
    await start(variables);
    await traced('work', {}, async () => {
      if (!('OTEL_TRACES_SAMPLER' in variables)) expect(currentTraceparent()).toBeUndefined();
    });
    await stop();
    expect(types).toEqual([]);
  });

  it.each([
    { OTEL_TRACES_EXPORTER: 'zipkin' },
    { OTEL_TRACES_SAMPLER: 'sometimes' },
    { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' },
    { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
  ])('refuses %p', async (variables) => {
    await expect(start(variables)).rejects.toMatchObject({ code: 'config.invalid' });
  });

  it('ends although no collector answers, and says that spans were lost', async () => {
    const events: string[] = [];
    Object.assign(process.env, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_EXPORTER_OTLP_TIMEOUT: '100' });
    stop = await startTracing('test', process.env, { ...silentLogger, warn: (_fields, event) => void events.push(event) });
    await traced('work', {}, async () => undefined);
    await stop();
    expect(events).toEqual(['tracing.export-failed']);
  });
});

function spansOf({ scopeSpans }: ExportRequest['resourceSpans'][number]): ExportedSpan[] {
  return scopeSpans.flatMap(({ spans }) => spans);
}
