import { HttpException } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CairnError } from '@cairn/core';
import type { ErrorCode, Logger } from '@cairn/core';
import { problem, sendProblem } from './problem.ts';
import type { Problem } from './problem.ts';
import type { RouteTable } from './route-table.ts';

/** What {@link ErrorFilter} needs. */
export interface ErrorFilterOptions {
  /** HTTP status of an error code. */
  statusOf: (code: ErrorCode) => number;
  routes: RouteTable;
  logger: Logger;
}

/** Turns every thrown error into a problem answer: no stack, no echo of the request, no patient data. */
export class ErrorFilter implements ExceptionFilter {
  readonly #options: ErrorFilterOptions;

  constructor(options: ErrorFilterOptions) {
    this.#options = options;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const { body, headers } = this.#answer(error, request);
    if (body.status >= 500) this.#options.logger.error({ error, route: request.routeOptions.url }, 'http.request-failed');
    reply.hijack();
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined && name.startsWith('access-control-') && !reply.raw.headersSent) reply.raw.setHeader(name, value);
    }
    sendProblem(reply.raw, body, headers);
  }

  #answer(error: unknown, request: FastifyRequest): { body: Problem; headers: Record<string, string> } {
    if (CairnError.is(error)) {
      const status = this.#options.statusOf(error.code);
      const headers: Record<string, string> = status === 503 || status === 429 ? { 'retry-after': '5' } : {};
      return { body: problem(status, error.code, error.message, error.details), headers };
    }
    if (error instanceof HttpException && error.getStatus() === 404) return this.#unknownRoute(request);
    if (error instanceof HttpException && error.getStatus() < 500) {
      return { body: problem(error.getStatus(), 'web.bad-request', 'The request is malformed.'), headers: {} };
    }
    return { body: problem(500, 'internal.unexpected', 'The archive failed to answer; the failure was logged.'), headers: {} };
  }

  #unknownRoute(request: FastifyRequest): { body: Problem; headers: Record<string, string> } {
    const methods = this.#options.routes.methodsOf(request.raw.url?.split('?', 1)[0] ?? '');
    if (methods.length === 0) return { body: problem(404, 'web.not-found', 'There is no such resource.'), headers: {} };
    const allow = methods.join(', ');
    return { body: problem(405, 'web.method-not-allowed', `This resource takes ${allow}.`), headers: { allow } };
  }
}
