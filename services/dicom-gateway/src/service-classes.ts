import type { NServiceResponse, Operation, Outcome, RequestHandlers, ResponseStream } from '@cairn/dimse';
import { Inject } from '@nestjs/common';
import { CommitmentScp } from './commitment/commitment-scp.ts';
import { FindScp } from './find/find-scp.ts';
import { GATEWAY_PORTS } from './gateway.ports.ts';
import type { GatewayPorts } from './gateway.ports.ts';
import { GetScp } from './retrieve/get-scp.ts';
import { MoveScp } from './retrieve/move-scp.ts';
import { StoreScp } from './store/store-scp.ts';

/** What serves each kind of request, and counts the answers. */
export class ServiceClasses {
  /** For the listener. */
  readonly handlers: Required<RequestHandlers>;
  readonly #ports: GatewayPorts;

  constructor(
    @Inject(GATEWAY_PORTS) ports: GatewayPorts,
    @Inject(StoreScp) store: StoreScp,
    @Inject(FindScp) find: FindScp,
    @Inject(GetScp) get: GetScp,
    @Inject(MoveScp) move: MoveScp,
    @Inject(CommitmentScp) commitment: CommitmentScp,
  ) {
    this.#ports = ports;
    this.handlers = {
      onStore: async (operation, dataSet) => await this.#counted('C-STORE', store.store(operation, dataSet)),
      onFind: (operation, identifier) => this.#countedStream('C-FIND', operation, find.find(operation, identifier)),
      onGet: (operation, identifier) => this.#countedStream('C-GET', operation, get.get(operation, identifier)),
      onMove: (operation, identifier) => this.#countedStream('C-MOVE', operation, move.move(operation, identifier)),
      onNService: async (operation, dataSet) => await this.#counted('N-ACTION', commitment.act(operation, dataSet)),
    };
  }

  async #counted<T extends Outcome | NServiceResponse>(command: string, outcome: Promise<T>): Promise<T> {
    const result = await outcome;
    this.#ports.metrics?.requestServed(command, result.status);
    return result;
  }

  async *#countedStream(command: string, operation: Operation, responses: ResponseStream): ResponseStream {
    const final = yield* responses;
    if (!operation.cancelled) this.#ports.metrics?.requestServed(command, final.status);
    return final;
  }
}
