import { CairnError } from '@cairn/core';
import type { Scope } from '@cairn/core';
import { decodeQueryOptions } from '@cairn/dimse';
import type { Operation, ResponseStream } from '@cairn/dimse';
import type { RetrievableInstance } from '@cairn/metadata-store';
import { Inject } from '@nestjs/common';
import { GET_MODELS } from '../association/sop-classes.ts';
import { decodeIdentifier, levelOf } from '../find/identifier.ts';
import type { GatewayConfig } from '../gateway.config.ts';
import { GATEWAY_CONFIG, GATEWAY_PORTS } from '../gateway.ports.ts';
import type { GatewayPorts } from '../gateway.ports.ts';
import { gatewayScope } from '../scope.ts';
import { RequestedInstances } from './instances.ts';
import { codeOf, contextForInstance, sendInstance } from './sub-operation.ts';
import { Tally } from './tally.ts';

/** C-GET: instances come back on the association that asks, in the contexts for which the peer took the SCP role. */
export class GetScp {
  readonly #ports: GatewayPorts;
  readonly #scope: Scope;

  constructor(@Inject(GATEWAY_CONFIG) config: GatewayConfig, @Inject(GATEWAY_PORTS) ports: GatewayPorts) {
    this.#ports = ports;
    this.#scope = gatewayScope(config);
  }

  /** Yields the counters after each sub-operation. */
  async *get(operation: Operation, bytes: Uint8Array): ResponseStream {
    const { abstractSyntaxUid, transferSyntaxUid } = operation.context;
    const model = GET_MODELS.get(abstractSyntaxUid);
    if (!model) throw new CairnError('dimse.no-context', 'The SOP class has no C-GET.');
    const identifier = decodeIdentifier(bytes, transferSyntaxUid);
    const { relational } = decodeQueryOptions(operation.association.agreement.extendedNegotiations.get(abstractSyntaxUid));
    const request = { identifier, model, level: levelOf(identifier, model), relational };
    const requested = new RequestedInstances(this.#ports, this.#scope, request, operation.signal);
    const tally = new Tally((await requested.plan()).total);
    if (operation.signal.aborted) return tally.final(true, transferSyntaxUid);
    for await (const opened of this.#open(operation, requested, tally)) {
      tally.add(await this.#send(operation, opened), opened.instance.sopInstanceUid);
      if (operation.signal.aborted) break;
      yield { subOperations: tally.pending() };
    }
    return tally.final(operation.signal.aborted, transferSyntaxUid);
  }

  #open(operation: Operation, requested: RequestedInstances, tally: Tally): ReturnType<GatewayPorts['retriever']['openMany']> {
    const { association } = operation;
    const { retriever } = this.#ports;
    const wanted = (instance: RetrievableInstance): string => contextForInstance(association, retriever, instance)!.transferSyntaxUid;
    return retriever.openMany(
      this.#scope,
      sendable(operation, requested, tally, retriever),
      { form: 'data-set', wanted },
      operation.signal,
    );
  }

  async #send(operation: Operation, opened: Opened): Promise<'completed' | 'warning' | 'failed'> {
    const { association } = operation;
    if (opened.outgoing) return await sendInstance(association, opened.instance, opened.outgoing);
    this.#ports.logger.warn({ code: codeOf(opened.error) }, 'gateway.sub-operation-failed');
    return 'failed';
  }
}

type Opened = ReturnType<GatewayPorts['retriever']['openMany']> extends AsyncIterable<infer T> ? T : never;

/** The instances that have a context; the others are failed sub-operations. */
async function* sendable(
  operation: Operation,
  requested: RequestedInstances,
  tally: Tally,
  retriever: GatewayPorts['retriever'],
): AsyncGenerator<RetrievableInstance> {
  for await (const instance of requested.all()) {
    if (contextForInstance(operation.association, retriever, instance)) yield instance;
    else tally.add('failed', instance.sopInstanceUid);
  }
}
