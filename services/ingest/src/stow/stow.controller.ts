import type { IncomingMessage } from 'node:http';
import { Controller, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  DICOM_XML,
  negotiateStoreAnswer,
  parseAccept,
  parseQueryString,
  pathUid,
  storeAnswer,
  toNativeXml,
  valuesOf,
} from '@cairn/dicomweb';
import { publicBaseUrl } from '@cairn/platform-nest';
import { INGEST_CONFIG, INGEST_PORTS } from '../ingest.tokens.ts';
import type { IngestConfig, IngestPorts } from '../ingest.tokens.ts';
import { openStoreRequest } from './store-request.ts';
import { StoreService } from './store.service.ts';

/** How long the rest of a refused body is read, so that a client that is still sending gets to see the answer. */
const DRAIN_MS = 10_000;

/** STOW-RS (PS3.18 §10.5). */
@Controller('dicom-web/studies')
export class StowController {
  readonly #config: IngestConfig;
  readonly #ports: IngestPorts;
  readonly #service: StoreService;

  constructor(
    @Inject(INGEST_CONFIG) config: IngestConfig,
    @Inject(INGEST_PORTS) ports: IngestPorts,
    @Inject(StoreService) service: StoreService,
  ) {
    this.#config = config;
    this.#ports = ports;
    this.#service = service;
  }

  /** Stores instances of any study. */
  @Post()
  async storeAny(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#store(request, reply);
  }

  /** Stores instances of one study; those of another fail. */
  @Post(':study')
  async storeInStudy(@Param('study') study: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#store(request, reply, study);
  }

  async #store(request: FastifyRequest, reply: FastifyReply, study?: string): Promise<void> {
    try {
      const announced = study === undefined ? {} : { announced: { studyInstanceUid: pathUid('StudyInstanceUID', study) } };
      const query = parseQueryString(request.raw.url?.split('?', 2)[1] ?? '');
      const format = negotiateStoreAnswer(parseAccept(request.headers.accept, valuesOf(query, 'accept')));
      const parts = openStoreRequest(headersOf(request), bytesOf(request.raw), this.#config);
      const source = { protocol: 'stow' as const, address: request.raw.socket.remoteAddress ?? '' };
      const { stored, failed } = await this.#service.store(this.#ports.scopeOf(request), { source, ...announced }, parts);
      const answer = storeAnswer(publicBaseUrl(request), stored, failed);
      const text = format === DICOM_XML ? toNativeXml(answer.body) : JSON.stringify(answer.body);
      await reply.status(answer.status).header('content-type', format).send(Buffer.from(text));
    } catch (error) {
      if (request.headers['content-encoding'] !== undefined) reply.raw.setHeader('accept-encoding', 'identity');
      throw error;
    } finally {
      drain(request.raw);
    }
  }
}

function headersOf({ headers }: FastifyRequest): Parameters<typeof openStoreRequest>[0] {
  return {
    contentType: headers['content-type'],
    contentEncoding: headers['content-encoding'],
    contentLength: headers['content-length'],
  };
}

/** The body; leaving it early must not destroy the connection, on which the answer is still to be sent. */
function bytesOf(request: IncomingMessage): AsyncIterable<Buffer> {
  return { [Symbol.asyncIterator]: () => request.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer> };
}

function drain(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  request.resume();
  const deadline = setTimeout(() => request.destroy(), DRAIN_MS).unref();
  request.once('close', () => clearTimeout(deadline));
}
