import type { CairnError } from '@cairn/core';
import { STATUS, outcomeOfError } from '@cairn/dimse';
import type { Operation, Outcome, ResponseStream, ServedAssociation } from '@cairn/dimse';
import { markFailed, startSpan, withinSpan } from '@cairn/telemetry';
import type { TraceSpan } from '@cairn/telemetry';
import { Inject } from '@nestjs/common';
import { GATEWAY_PORTS } from './gateway.ports.ts';
import type { GatewayPorts } from './gateway.ports.ts';

interface OpenAssociation {
  span: TraceSpan;
  counted: ((outcome: 'released' | 'aborted') => void) | undefined;
}

/** Measures and traces what the gateway serves: an association is a trace, its requests lie below it. */
export class GatewayMonitor {
  readonly #ports: GatewayPorts;
  readonly #associations = new Map<ServedAssociation, OpenAssociation>();

  constructor(@Inject(GATEWAY_PORTS) ports: GatewayPorts) {
    this.#ports = ports;
  }

  associationOpened(association: ServedAssociation): void {
    const span = startSpan('association', { kind: 'server', parent: null });
    this.#associations.set(association, { span, counted: this.#ports.metrics?.associationOpened() });
  }

  associationClosed(association: ServedAssociation, error?: CairnError): void {
    const open = this.#associations.get(association);
    if (open === undefined) return;
    this.#associations.delete(association);
    open.counted?.(error ? 'aborted' : 'released');
    if (error) markFailed(open.span, error.code);
    open.span.end();
  }

  /** Serves a request that has one response. */
  async served<T extends Outcome>(command: string, operation: Operation, work: () => Promise<T>): Promise<T> {
    const { span, answered } = this.#begin(command, operation);
    try {
      const outcome = await withinSpan(span, work);
      answered(outcome.status);
      return outcome;
    } catch (error) {
      answered(outcomeOfError(error).status);
      throw error;
    }
  }

  /** Serves a request that has many responses; one that is left before its end was cancelled. */
  async *streamed(command: string, operation: Operation, responses: ResponseStream): ResponseStream {
    const { answered } = this.#begin(command, operation);
    let status: number = STATUS.cancel;
    try {
      const final = yield* responses;
      if (!operation.cancelled) ({ status } = final);
      return final;
    } catch (error) {
      ({ status } = outcomeOfError(error));
      throw error;
    } finally {
      answered(status);
    }
  }

  #begin(command: string, { association }: Operation): { span: TraceSpan; answered: (status: number) => void } {
    const startMs = performance.now();
    const span = startSpan(command, { kind: 'server', parent: this.#associations.get(association)?.span ?? null });
    const answered = (status: number): void => {
      this.#ports.metrics?.requestServed(command, status, (performance.now() - startMs) / 1000);
      span.setAttribute('dicom.status', status);
      if (statusClass(status) === 'failure') markFailed(span, status.toString(16).padStart(4, '0').toUpperCase());
      span.end();
    };
    return { span, answered };
  }
}

/** Classes of PS3.7 annex C. */
export function statusClass(status: number): 'success' | 'cancelled' | 'warning' | 'failure' {
  if (status === STATUS.success) return 'success';
  if (status === STATUS.cancel) return 'cancelled';
  return (status & 0xf000) === 0xb000 || status === 0x0107 || status === 0x0116 ? 'warning' : 'failure';
}
