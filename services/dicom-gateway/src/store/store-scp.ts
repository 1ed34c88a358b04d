import type { ReceiveOutcome } from '@cairn/archive';
import { encodeFileMeta } from '@cairn/dicom';
import { STATUS, outcomeOfError } from '@cairn/dimse';
import type { Operation, Outcome } from '@cairn/dimse';
import { Inject } from '@nestjs/common';
import type { Scope } from '@cairn/core';
import { GATEWAY_CONFIG, GATEWAY_PORTS } from '../gateway.ports.ts';
import type { GatewayPorts } from '../gateway.ports.ts';
import type { GatewayConfig } from '../gateway.config.ts';
import { gatewayScope } from '../scope.ts';

/** C-STORE: the received data set behind meta information of ours goes to the archive as one stream. */
export class StoreScp {
  readonly #ports: GatewayPorts;
  readonly #scope: Scope;

  constructor(@Inject(GATEWAY_CONFIG) config: GatewayConfig, @Inject(GATEWAY_PORTS) ports: GatewayPorts) {
    this.#ports = ports;
    this.#scope = gatewayScope(config);
  }

  /** Success only when the instance is durable. */
  async store(operation: Operation, dataSet: AsyncIterable<Uint8Array>): Promise<Outcome> {
    const outcome = await this.#receive(operation, dataSet);
    if (outcome.kind === 'stored') return { status: STATUS.success };
    this.#ports.logger.warn({ code: outcome.error.code, callingAet: operation.association.agreement.callingAet }, 'gateway.store-refused');
    return outcomeOfError(outcome.error);
  }

  async #receive(operation: Operation, dataSet: AsyncIterable<Uint8Array>): Promise<ReceiveOutcome> {
    const { callingAet, calledAet, address } = operation.association.agreement;
    const sopInstanceUid = operation.command.AffectedSOPInstanceUID ?? '';
    const { abstractSyntaxUid: sopClassUid, transferSyntaxUid } = operation.context;
    const meta = encodeFileMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid, sourceAet: callingAet });
    const request = {
      source: { protocol: 'dimse' as const, callingAet, calledAet, address },
      announced: { sopClassUid, sopInstanceUid },
    };
    return await this.#ports.receiver.receive(this.#scope, request, prefixed(meta, dataSet), operation.signal);
  }
}

async function* prefixed(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}
