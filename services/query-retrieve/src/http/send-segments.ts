import type { FastifyReply } from 'fastify';
import { CairnError } from '@cairn/core';
import { parseRange, readSegments, totalSize } from '@cairn/dicomweb';
import type { BodySegment, RequestedRange } from '@cairn/dicomweb';
import { sendBytes } from './send-bytes.ts';

/** A body of known length. */
export interface SegmentAnswer {
  contentType: string;
  segments: readonly BodySegment[];
  /** Set when the body already holds only the span of a value that the Range header asks for. */
  valueRange?: { start: number; end: number; sizeBytes: number };
}

/** Sends a body of known length, or the range of it that the request asks for (RFC 9110 §14). */
export async function sendSegments(reply: FastifyReply, answer: SegmentAnswer, signal: AbortSignal): Promise<void> {
  const { contentType, segments, valueRange } = answer;
  const sizeBytes = totalSize(segments);
  const range = valueRange === undefined ? requestedRange(reply, sizeBytes) : undefined;
  const { start, end } = range ?? { start: 0, end: sizeBytes };
  const given = valueRange ?? (range && { ...range, sizeBytes });
  const headers = {
    'content-type': contentType,
    vary: 'Accept',
    'accept-ranges': 'bytes',
    ...(given === undefined ? {} : { 'content-range': `bytes ${given.start}-${given.end - 1}/${given.sizeBytes}` }),
  };
  const chunks = readSegments(segments, start, end, signal);
  await sendBytes(reply, { status: given === undefined ? 200 : 206, headers, sizeBytes: end - start, chunks }, signal);
}

/** The span of `sizeBytes` that the request asks for; undefined for all. Throws `web.range-not-satisfiable`, saying the size. */
export function requestedRange(reply: FastifyReply, sizeBytes: number): RequestedRange | undefined {
  try {
    return parseRange(reply.request.headers.range, sizeBytes);
  } catch (error) {
    if (CairnError.is(error, 'web.range-not-satisfiable')) reply.raw.setHeader('content-range', `bytes */${sizeBytes}`);
    throw error;
  }
}
