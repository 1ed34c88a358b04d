import type { FastifyReply } from 'fastify';
import { CairnError } from '@cairn/core';
import { parseRange, readSegments, totalSize } from '@cairn/dicomweb';
import type { BodySegment } from '@cairn/dicomweb';
import { sendBytes } from './send-bytes.ts';

/** Sends a body of known length, or the range of it that the request asks for (RFC 9110 §14). */
export async function sendSegments(
  reply: FastifyReply,
  headers: Readonly<Record<string, string>>,
  segments: readonly BodySegment[],
  signal: AbortSignal,
): Promise<void> {
  const sizeBytes = totalSize(segments);
  const range = rangeOf(reply, sizeBytes);
  const { start, end } = range ?? { start: 0, end: sizeBytes };
  const answer = {
    status: range === undefined ? 200 : 206,
    headers: {
      ...headers,
      'accept-ranges': 'bytes',
      ...(range === undefined ? {} : { 'content-range': `bytes ${start}-${end - 1}/${sizeBytes}` }),
    },
    sizeBytes: end - start,
    chunks: readSegments(segments, start, end, signal),
  };
  await sendBytes(reply, answer, signal);
}

function rangeOf(reply: FastifyReply, sizeBytes: number): ReturnType<typeof parseRange> {
  try {
    return parseRange(reply.request.headers.range, sizeBytes);
  } catch (error) {
    if (CairnError.is(error, 'web.range-not-satisfiable')) reply.raw.setHeader('content-range', `bytes */${sizeBytes}`);
    throw error;
  }
}
