import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { InstanceRetriever, OpenedInstance } from '@cairn/archive';
import type { RetrievableInstance } from '@cairn/metadata-store';
import { DICOM_FILE, boundaryFor, closingDelimiter, multipartType, negotiateInstances, partHeader } from '@cairn/dicomweb';
import { publicBaseUrl } from '@cairn/platform-nest';
import { sendBytes } from '../http/send-bytes.ts';
import { acceptOf, selectorOf, urlOf, whileConnected } from '../http/web-request.ts';
import type { PathParameters } from '../http/web-request.ts';
import { QUERY_RETRIEVE_PORTS } from '../query-retrieve.tokens.ts';
import type { QueryRetrievePorts } from '../query-retrieve.tokens.ts';
import { asStored, instanceType, planInstances } from './instance-plan.ts';
import type { InstancePlan } from './instance-plan.ts';

/** WADO-RS retrieval of studies, series and instances (PS3.18 §10.4.1.1.1). */
@Controller('dicom-web/studies/:study')
export class InstancesController {
  readonly #ports: QueryRetrievePorts;
  readonly #retriever: InstanceRetriever;

  constructor(@Inject(QUERY_RETRIEVE_PORTS) ports: QueryRetrievePorts) {
    this.#ports = ports;
    this.#retriever = ports.retriever;
  }

  /** Part 10 files: every instance of the study, series or instance. */
  @Get(['', 'series/:series', 'series/:series/instances/:instance'])
  async retrieve(@Param() path: PathParameters, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const selector = selectorOf(path);
    const choices = negotiateInstances(acceptOf(request), selector.sopInstanceUid !== undefined);
    const base = publicBaseUrl(request);
    const scope = this.#ports.scopeOf(request);
    reply.header('vary', 'Accept');
    await whileConnected(reply, async (signal) => {
      const selected = await this.#retriever.select(scope, selector, signal);
      const plan = await planInstances(selected, choices, this.#retriever);
      const opened = this.#retriever.openMany(scope, plan.instances, { form: 'part10', wanted: plan.wanted }, signal);
      await sendBytes(reply, plan.multipart ? multipartAnswer(plan, opened, base) : singleAnswer(plan, opened), signal);
    });
  }
}

type Answer = Parameters<typeof sendBytes>[1];

function multipartAnswer(plan: InstancePlan, opened: AsyncIterable<OpenedInstance>, base: string): Answer {
  const boundary = boundaryFor('instances');
  const headerOf = (instance: RetrievableInstance, transferSyntaxUid: string, sizeBytes: number | undefined, isFirst: boolean): Buffer =>
    partHeader(
      boundary,
      { contentType: instanceType(transferSyntaxUid), location: urlOf(base, instance), ...(sizeBytes === undefined ? {} : { sizeBytes }) },
      isFirst,
    );

  async function* body(): AsyncGenerator<Uint8Array> {
    let isFirst = true;
    for await (const result of opened) {
      if (result.outgoing === undefined) throw result.error;
      const { transferSyntaxUid, sizeBytes, chunks } = result.outgoing;
      yield headerOf(result.instance, transferSyntaxUid, sizeBytes, isFirst);
      yield* chunks;
      isFirst = false;
    }
    yield closingDelimiter(boundary);
  }

  const sizes = plan.known?.map((instance, index) => {
    const stored = asStored(instance, plan.wanted(instance));
    return stored && headerOf(instance, stored.transferSyntaxUid, stored.sizeBytes, index === 0).length + stored.sizeBytes;
  });
  const sizeBytes = sizes?.every((size) => size !== undefined)
    ? sizes.reduce((sum, size) => sum + size, closingDelimiter(boundary).length)
    : undefined;
  return { headers: { 'content-type': multipartType(DICOM_FILE, boundary) }, sizeBytes, chunks: body() };
}

function singleAnswer(plan: InstancePlan, opened: AsyncIterable<OpenedInstance>): Answer {
  const instance = plan.known?.[0];
  const wanted = instance && plan.wanted(instance);
  const stored = instance && asStored(instance, wanted ?? '*');

  async function* body(): AsyncGenerator<Uint8Array> {
    for await (const result of opened) {
      if (result.outgoing === undefined) throw result.error;
      yield* result.outgoing.chunks;
    }
  }

  const syntax = wanted === '*' || wanted === undefined ? instance?.version.transferSyntaxUid : wanted;
  return { headers: { 'content-type': instanceType(syntax ?? '') }, sizeBytes: stored?.sizeBytes, chunks: body() };
}
