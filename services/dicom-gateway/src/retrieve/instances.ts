import { CairnError } from '@cairn/core';
import type { Scope } from '@cairn/core';
import type { RetrievableInstance } from '@cairn/metadata-store';
import type { GatewayPorts } from '../gateway.ports.ts';
import { selectorsOf } from './selection.ts';
import type { RetrieveRequest } from './selection.ts';

/** What one retrieve will send, known before the first sub-operation. */
export interface RetrievePlan {
  total: number;
  /** SOP class → transfer syntaxes in which its instances are stored. */
  syntaxes: ReadonlyMap<string, ReadonlySet<string>>;
}

/** The instances of a request, as often as they are asked for: once to plan, once to send. Nothing is held in memory. */
export class RequestedInstances {
  readonly #ports: GatewayPorts;
  readonly #scope: Scope;
  readonly #request: RetrieveRequest;
  readonly #signal: AbortSignal;

  constructor(ports: GatewayPorts, scope: Scope, request: RetrieveRequest, signal: AbortSignal) {
    this.#ports = ports;
    this.#scope = scope;
    this.#request = request;
    this.#signal = signal;
  }

  /** Counts them, and gathers the contexts that they need. */
  async plan(): Promise<RetrievePlan> {
    const syntaxes = new Map<string, Set<string>>();
    let total = 0;
    for await (const { version } of this.all()) {
      total += 1;
      const known = syntaxes.get(version.sopClassUid) ?? new Set();
      syntaxes.set(version.sopClassUid, known.add(version.transferSyntaxUid));
    }
    return { total, syntaxes };
  }

  /** What is not there is left out: a match less, no error. */
  async *all(): AsyncGenerator<RetrievableInstance> {
    for await (const selector of selectorsOf(this.#request, this.#ports.queries, this.#scope, this.#signal)) {
      try {
        yield* await this.#ports.retriever.select(this.#scope, selector, this.#signal);
      } catch (error) {
        if (!CairnError.is(error, 'archive.not-found')) throw error;
      }
    }
  }
}
