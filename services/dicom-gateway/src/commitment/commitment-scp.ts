import { CairnError } from '@cairn/core';
import type { Scope } from '@cairn/core';
import { COMMAND, STATUS, outcomeOfError } from '@cairn/dimse';
import type { NServiceResponse, Operation, Outcome } from '@cairn/dimse';
import { Inject } from '@nestjs/common';
import type { GatewayConfig } from '../gateway.config.ts';
import { GATEWAY_CONFIG, GATEWAY_PORTS } from '../gateway.ports.ts';
import type { GatewayPorts } from '../gateway.ports.ts';
import { gatewayScope } from '../scope.ts';
import { REQUEST_ACTION, STORAGE_COMMITMENT, decodeRequest } from './storage-commitment.ts';

/** N-ACTION of the Storage Commitment Push Model: takes requests on, answered at once; reports follow on associations of ours. */
export class CommitmentScp {
  readonly #config: GatewayConfig;
  readonly #ports: GatewayPorts;
  readonly #scope: Scope;

  constructor(@Inject(GATEWAY_CONFIG) config: GatewayConfig, @Inject(GATEWAY_PORTS) ports: GatewayPorts) {
    this.#config = config;
    this.#ports = ports;
    this.#scope = gatewayScope(config);
  }

  /** Success only when the request is durable. A caller without configured address is refused: no report could reach it. */
  async act(operation: Operation, dataSet: Uint8Array): Promise<NServiceResponse> {
    const { callingAet } = operation.association.agreement;
    const refusal = refusalOf(operation) ?? this.#unknownCaller(callingAet);
    if (refusal !== undefined) return refusal;
    try {
      const request = decodeRequest(dataSet, operation.context.transferSyntaxUid);
      await this.#ports.commitments.request(this.#scope, { ...request, requestorAet: callingAet });
      return { status: STATUS.success };
    } catch (error) {
      const code = CairnError.is(error) ? error.code : 'internal.unexpected';
      this.#ports.logger.warn({ code, callingAet, error }, 'gateway.commitment-refused');
      return { ...outcomeOfError(error), status: statusOf(code) };
    }
  }

  #unknownCaller(callingAet: string): Outcome | undefined {
    if (this.#config.peers.has(callingAet)) return undefined;
    this.#ports.logger.warn({ callingAet }, 'gateway.commitment-requestor-unknown');
    return { status: STATUS.processingFailure, errorComment: 'No address is configured for the calling AE title.' };
  }
}

/** What is wrong with the command itself (PS3.7 §10.1.4.1.10). */
function refusalOf({ command, context }: Operation): Outcome | undefined {
  const { sopClassUid, sopInstanceUid } = STORAGE_COMMITMENT;
  if (context.abstractSyntaxUid !== sopClassUid || command.CommandField !== COMMAND.action) return { status: STATUS.unrecognizedOperation };
  if (command.RequestedSOPClassUID !== sopClassUid) return { status: STATUS.noSuchSopClass };
  if (command.RequestedSOPInstanceUID !== sopInstanceUid) return { status: STATUS.noSuchInstance };
  return command.ActionTypeID === REQUEST_ACTION ? undefined : { status: STATUS.noSuchAction };
}

function statusOf(code: string): number {
  if (code === 'query.missing-key') return STATUS.missingAttribute;
  return code.startsWith('query.') || code.startsWith('dicom.') ? STATUS.invalidArgument : STATUS.processingFailure;
}
