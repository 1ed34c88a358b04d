import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { CairnError, recycleChunk } from '@cairn/core';

/** An answer whose body is streamed. */
export interface ByteAnswer {
  status?: number;
  headers: Readonly<Record<string, string>>;
  /** Undefined: sent in chunked coding. */
  sizeBytes?: number | undefined;
  chunks: AsyncIterable<Uint8Array>;
}

/** Sends a body as fast as the client takes it, holding one chunk. Throws what the source throws, and for a wrong length; the body is then not ended. */
export async function sendBytes(reply: FastifyReply, answer: ByteAnswer, signal: AbortSignal): Promise<void> {
  const response = reply.raw;
  if (response.req.method === 'HEAD') {
    startAnswer(reply, answer);
    response.end();
    return;
  }
  const chunks = answer.chunks[Symbol.asyncIterator]();
  try {
    // What cannot be opened shows at the first chunk: only then may the answer say 200.
    let next = await chunks.next();
    signal.throwIfAborted();
    startAnswer(reply, answer);
    let sent = 0;
    for (; next.done !== true; next = await chunks.next()) {
      sent += next.value.byteLength;
      if (!writeChunk(response, next.value)) await once(response, 'drain', { signal });
    }
    if (answer.sizeBytes !== undefined && sent !== answer.sizeBytes) throw wrongLength(answer.sizeBytes, sent);
    response.end();
  } finally {
    await chunks.return?.();
  }
}

/** Writes a chunk and, once it has left, hands its buffer back; false when the client is slower. */
function writeChunk(response: ServerResponse, chunk: Uint8Array): boolean {
  return response.write(chunk, (error) => {
    if (error === null || error === undefined) recycleChunk(chunk);
  });
}

/** Takes the answer out of Fastify's hands; headers that hooks have set (CORS) go along. */
function startAnswer(reply: FastifyReply, { status, headers, sizeBytes }: ByteAnswer): void {
  reply.hijack();
  const response: ServerResponse = reply.raw;
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) response.setHeader(name, value);
  if (sizeBytes !== undefined) response.setHeader('content-length', sizeBytes);
  response.writeHead(status ?? 200, { 'x-content-type-options': 'nosniff', ...headers });
}

function wrongLength(expectedBytes: number, sentBytes: number): CairnError {
  return new CairnError('internal.unexpected', 'The answer had another length than announced.', { details: { expectedBytes, sentBytes } });
}
