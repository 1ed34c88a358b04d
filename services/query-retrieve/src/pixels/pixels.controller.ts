import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { bulkDataPath, frameList, negotiateBulkData, negotiateFrames } from '@cairn/dicomweb';
import { publicBaseUrl } from '@cairn/platform-nest';
import { requestedRange, sendSegments } from '../http/send-segments.ts';
import { acceptOf, instanceOf, urlOf, whileConnected } from '../http/web-request.ts';
import type { PathParameters } from '../http/web-request.ts';
import { QUERY_RETRIEVE_PORTS } from '../query-retrieve.tokens.ts';
import type { QueryRetrievePorts } from '../query-retrieve.tokens.ts';
import { bulkDataAnswer, framesAnswer } from './pixel-answer.ts';

/** WADO-RS frames and bulk data (PS3.18 §10.4.1.1.4 and 10.4.1.1.5): ranged reads, nothing decoded. */
@Controller('dicom-web/studies/:study/series/:series/instances/:instance')
export class PixelsController {
  readonly #ports: QueryRetrievePorts;

  constructor(@Inject(QUERY_RETRIEVE_PORTS) ports: QueryRetrievePorts) {
    this.#ports = ports;
  }

  /** Frames by number, in the order asked for. */
  @Get('frames/:frames')
  async frames(@Param() path: PathParameters, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const selector = instanceOf(path);
    const numbers = frameList(path.frames ?? '');
    const choices = negotiateFrames(acceptOf(request), numbers.length === 1);
    const url = urlOf(publicBaseUrl(request), selector);
    await whileConnected(reply, async (signal) => {
      const outgoing = await this.#ports.retriever.frames(this.#ports.scopeOf(request), selector, numbers);
      await sendSegments(reply, framesAnswer(outgoing, choices, url), signal);
    });
  }

  /** A bulk value by the path that its BulkDataURI names. */
  @Get('bulkdata/*')
  async bulkData(@Param() path: PathParameters, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const selector = instanceOf(path);
    const bulkPath = bulkDataPath(path['*'] ?? '');
    const accept = acceptOf(request);
    const url = urlOf(publicBaseUrl(request), selector);
    await whileConnected(reply, async (signal) => {
      const outgoing = await this.#ports.retriever.bulkData(this.#ports.scopeOf(request), selector, bulkPath);
      const answer =
        'frames' in outgoing
          ? framesAnswer(outgoing, negotiateFrames(accept, outgoing.frames.length === 1), url)
          : bulkDataAnswer(outgoing, negotiateBulkData(accept), `${url}/bulkdata/${bulkPath}`, requestedRange(reply, outgoing.sizeBytes));
      await sendSegments(reply, answer, signal);
    });
  }
}
