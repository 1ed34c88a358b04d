import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DicomJson } from '@cairn/core';
import {
  DICOM_JSON,
  DICOM_XML,
  acceptsGzip,
  boundaryFor,
  bytesSegment,
  multipartSegments,
  multipartType,
  negotiateDataSets,
  parseQidoQuery,
  pathUid,
  toNativeXml,
  warning299,
} from '@cairn/dicomweb';
import { publicBaseUrl } from '@cairn/platform-nest';
import { sendSegments } from '../http/send-segments.ts';
import { acceptOf, queryOf, rawQueryOf, whileConnected } from '../http/web-request.ts';
import type { PathParameters } from '../http/web-request.ts';
import { QUERY_RETRIEVE_PORTS } from '../query-retrieve.tokens.ts';
import type { QueryRetrievePorts } from '../query-retrieve.tokens.ts';
import { nextPageLink } from './next-page.ts';
import { QidoService } from './qido.service.ts';
import type { SearchLevel, SearchPlace } from './qido.service.ts';

const RESOURCES: Readonly<Record<SearchLevel, string>> = { study: 'studies', series: 'series', instance: 'instances' };

/** Below this a gzip header costs more than it saves. */
const MIN_GZIP_BYTES = 1024;

const gzipped = promisify<Buffer, { level: number }, Buffer>(gzip);

/** QIDO-RS (PS3.18 §10.6) on its six paths. */
@Controller('dicom-web')
export class QidoController {
  readonly #ports: QueryRetrievePorts;
  readonly #service: QidoService;

  constructor(@Inject(QUERY_RETRIEVE_PORTS) ports: QueryRetrievePorts, @Inject(QidoService) service: QidoService) {
    this.#ports = ports;
    this.#service = service;
  }

  /** Studies. */
  @Get('studies')
  async studies(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#search('study', {}, request, reply);
  }

  /** Series of all studies. */
  @Get('series')
  async series(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#search('series', {}, request, reply);
  }

  /** Instances of all studies. */
  @Get('instances')
  async instances(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#search('instance', {}, request, reply);
  }

  /** Series of one study. */
  @Get('studies/:study/series')
  async studySeries(@Param() path: PathParameters, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#search('series', path, request, reply);
  }

  /** Instances of one study. */
  @Get('studies/:study/instances')
  async studyInstances(@Param() path: PathParameters, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#search('instance', path, request, reply);
  }

  /** Instances of one series. */
  @Get('studies/:study/series/:series/instances')
  async seriesInstances(@Param() path: PathParameters, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#search('instance', path, request, reply);
  }

  async #search(level: SearchLevel, { study, series }: PathParameters, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const place = {
      level,
      ...(study === undefined ? {} : { studyInstanceUid: pathUid('StudyInstanceUID', study) }),
      ...(series === undefined ? {} : { seriesInstanceUid: pathUid('SeriesInstanceUID', series) }),
    };
    const format = negotiateDataSets(acceptOf(request));
    const query = parseQidoQuery(queryOf(request));
    const base = publicBaseUrl(request);
    await whileConnected(reply, async (signal) => {
      const page = await this.#service.search(this.#ports.scopeOf(request), place, query, base, signal);
      if (page.nextCursor !== undefined) {
        reply.header('link', nextPageLink(searchUrl(base, place), rawQueryOf(request), page.nextCursor));
      }
      if (page.warnings.length > 0) reply.header('warning', page.warnings.map((text) => warning299(text)).join(', '));
      reply.header('vary', 'Accept, Accept-Encoding');
      if (format === DICOM_JSON || format === 'application/json') await sendJson(request, reply, format, page.dataSets);
      else await sendXml(reply, page.dataSets, signal);
    });
  }
}

function searchUrl(base: string, { level, studyInstanceUid, seriesInstanceUid }: SearchPlace): string {
  const study = studyInstanceUid === undefined ? '' : `/studies/${studyInstanceUid}`;
  const series = seriesInstanceUid === undefined ? '' : `/series/${seriesInstanceUid}`;
  return `${base}${study}${series}/${RESOURCES[level]}`;
}

async function sendJson(request: FastifyRequest, reply: FastifyReply, format: string, dataSets: readonly DicomJson[]): Promise<void> {
  const bytes = Buffer.from(`[${dataSets.map((dataSet) => JSON.stringify(dataSet)).join(',')}]`);
  reply.header('content-type', format);
  if (bytes.length < MIN_GZIP_BYTES || !acceptsGzip(request.headers['accept-encoding'])) {
    await reply.send(bytes);
    return;
  }
  reply.header('content-encoding', 'gzip');
  await reply.send(await gzipped(bytes, { level: constants.Z_BEST_SPEED }));
}

async function sendXml(reply: FastifyReply, dataSets: readonly DicomJson[], signal: AbortSignal): Promise<void> {
  // A multipart body cannot be empty.
  if (dataSets.length === 0) {
    await reply.status(204).send();
    return;
  }
  const boundary = boundaryFor('qido');
  const parts = dataSets.map((dataSet) => ({ contentType: DICOM_XML, ...bytesSegment(Buffer.from(toNativeXml(dataSet))) }));
  await sendSegments(reply, { contentType: multipartType(DICOM_XML, boundary), segments: multipartSegments(boundary, parts) }, signal);
}
