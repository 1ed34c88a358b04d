import { STATUS_CODES } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { ErrorCode } from '@cairn/core';

/** An error body by RFC 9457. `detail` never repeats the request. */
export interface Problem {
  type: 'about:blank';
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  [detail: string]: string | number | boolean;
}

/** Media type of {@link Problem}. */
export const PROBLEM_TYPE = 'application/problem+json';

/** Makes a problem body for a status. */
export function problem(
  status: number,
  code: ErrorCode,
  detail: string,
  details: Readonly<Record<string, string | number | boolean>> = {},
): Problem {
  return { ...details, type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, code };
}

/** Answers with a problem; an answer already under way is cut off, so that it cannot pass for a whole one. */
export function sendProblem(response: ServerResponse, body: Problem, headers: Readonly<Record<string, string>> = {}): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(body.status, {
    ...headers,
    'content-type': PROBLEM_TYPE,
    'content-length': bytes.length,
    'x-content-type-options': 'nosniff',
  });
  response.end(response.req.method === 'HEAD' ? undefined : bytes);
}
