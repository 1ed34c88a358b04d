import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RetrievableInstance } from '@cairn/metadata-store';
import {
  DICOM_JSON,
  DICOM_XML,
  acceptsGzip,
  boundaryFor,
  matchesEntityTag,
  multipartType,
  negotiateDataSets,
  weakEntityTag,
} from '@cairn/dicomweb';
import type { DataSetFormat } from '@cairn/dicomweb';
import { publicBaseUrl } from '@cairn/platform-nest';
import { sendBytes } from '../http/send-bytes.ts';
import { acceptOf, selectorOf, whileConnected } from '../http/web-request.ts';
import type { PathParameters } from '../http/web-request.ts';
import { QUERY_RETRIEVE_PORTS } from '../query-retrieve.tokens.ts';
import type { QueryRetrievePorts } from '../query-retrieve.tokens.ts';
import { gzipBytes, jsonArray, xmlParts } from './metadata-body.ts';

/** WADO-RS metadata (PS3.18 §10.4.1.1.2) of studies, series and instances. */
@Controller('dicom-web/studies/:study')
export class MetadataController {
  readonly #ports: QueryRetrievePorts;

  constructor(@Inject(QUERY_RETRIEVE_PORTS) ports: QueryRetrievePorts) {
    this.#ports = ports;
  }

  /** All attributes but bulk data of every instance of the study, series or instance. */
  @Get(['metadata', 'series/:series/metadata', 'series/:series/instances/:instance/metadata'])
  async metadata(@Param() path: PathParameters, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const selector = selectorOf(path);
    const format = negotiateDataSets(acceptOf(request));
    const base = publicBaseUrl(request);
    const scope = this.#ports.scopeOf(request);
    await whileConnected(reply, async (signal) => {
      // The tag is taken before the content: it may be older than what is sent, never newer.
      const entityTag = await entityTagOf(await this.#ports.retriever.select(scope, selector, signal), [base, format]);
      reply.header('etag', entityTag).header('vary', 'Accept, Accept-Encoding');
      if (matchesEntityTag(request.headers['if-none-match'], entityTag)) {
        await reply.status(304).send();
        return;
      }
      const texts = await this.#ports.retriever.metadata(scope, selector, base, signal);
      await sendBytes(reply, answerOf(request, format, texts), signal);
    });
  }
}

async function entityTagOf(instances: AsyncIterable<RetrievableInstance>, parts: string[]): Promise<string> {
  for await (const { sopInstanceUid, version } of instances) parts.push(sopInstanceUid, version.ulid);
  return weakEntityTag(parts);
}

function answerOf(request: FastifyRequest, format: DataSetFormat, texts: AsyncIterable<string>): Parameters<typeof sendBytes>[1] {
  if (format !== DICOM_JSON && format !== 'application/json') {
    const boundary = boundaryFor('metadata');
    return { headers: { 'content-type': multipartType(DICOM_XML, boundary) }, chunks: xmlParts(texts, boundary) };
  }
  const chunks = jsonArray(texts);
  if (!acceptsGzip(request.headers['accept-encoding'])) return { headers: { 'content-type': format }, chunks };
  return { headers: { 'content-type': format, 'content-encoding': 'gzip' }, chunks: gzipBytes(chunks) };
}
