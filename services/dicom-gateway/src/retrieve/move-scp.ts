import { CairnError } from '@cairn/core';
import type { Scope } from '@cairn/core';
import { decodeQueryOptions } from '@cairn/dimse';
import type { Operation, ResponseStream } from '@cairn/dimse';
import { Inject } from '@nestjs/common';
import { MOVE_MODELS } from '../association/sop-classes.ts';
import { decodeIdentifier, levelOf } from '../find/identifier.ts';
import type { GatewayConfig } from '../gateway.config.ts';
import { GATEWAY_CONFIG, GATEWAY_PORTS } from '../gateway.ports.ts';
import type { GatewayPorts } from '../gateway.ports.ts';
import { gatewayScope } from '../scope.ts';
import { Destination, proposalsFor } from './destination.ts';
import { RequestedInstances } from './instances.ts';
import { Mover } from './mover.ts';
import { Progress } from './progress.ts';
import { Tally } from './tally.ts';

const DEFAULT_ASSOCIATIONS = 3;

/** Fewer instances a further association is not opened for. */
const INSTANCES_PER_ASSOCIATION = 4;

/** Peers give up after 30 s of silence. */
const HEARTBEAT_MS = 5000;

/** C-MOVE: instances go to a third application entity, over associations of our own. */
export class MoveScp {
  readonly #config: GatewayConfig;
  readonly #ports: GatewayPorts;
  readonly #scope: Scope;

  constructor(@Inject(GATEWAY_CONFIG) config: GatewayConfig, @Inject(GATEWAY_PORTS) ports: GatewayPorts) {
    this.#config = config;
    this.#ports = ports;
    this.#scope = gatewayScope(config);
  }

  /** Yields the counters as they change, and at least every five seconds; throws `dimse.unknown-destination`. */
  async *move(operation: Operation, bytes: Uint8Array): ResponseStream {
    const { abstractSyntaxUid, transferSyntaxUid } = operation.context;
    const { command, signal, association } = operation;
    const model = MOVE_MODELS.get(abstractSyntaxUid);
    if (!model) throw new CairnError('dimse.no-context', 'The SOP class has no C-MOVE.');
    const aet = command.MoveDestination ?? '';
    const peer = this.#config.peers.get(aet);
    if (!peer) throw new CairnError('dimse.unknown-destination', 'The move destination is not configured.');
    const identifier = decodeIdentifier(bytes, transferSyntaxUid);
    const { relational } = decodeQueryOptions(association.agreement.extendedNegotiations.get(abstractSyntaxUid));
    const request = { identifier, model, level: levelOf(identifier, model), relational };
    const requested = new RequestedInstances(this.#ports, this.#scope, request, signal);
    const plan = await requested.plan();
    const tally = new Tally(plan.total);
    if (plan.total === 0 || signal.aborted) return tally.final(signal.aborted, transferSyntaxUid);
    const progress = new Progress(HEARTBEAT_MS);
    const mover = new Mover(this.#ports.retriever, this.#ports.logger, {
      scope: this.#scope,
      instances: requested.all(),
      destination: new Destination(this.#config, aet, peer, proposalsFor(plan, this.#ports.retriever)),
      moveOriginator: { aet: association.agreement.callingAet, messageId: command.MessageID ?? 0 },
      parallel: Math.min(this.#config.moveAssociations ?? DEFAULT_ASSOCIATIONS, Math.ceil(plan.total / INSTANCES_PER_ASSOCIATION)),
      tally,
      signal,
      onProgress: () => progress.notify(),
    });
    const running = mover.run().finally(() => progress.end());
    // Awaited below, but maybe only after the peer has taken a response.
    running.catch(() => {});
    for await (const _ of progress) yield { subOperations: tally.pending() };
    await running;
    return tally.final(signal.aborted, transferSyntaxUid);
  }
}
