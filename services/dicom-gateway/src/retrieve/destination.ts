import type { InstanceRetriever } from '@cairn/archive';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '@cairn/dicom';
import { DimseClient } from '@cairn/dimse';
import type { Association, ContextProposal } from '@cairn/dimse';
import type { GatewayConfig, Peer } from '../gateway.config.ts';
import type { RetrievePlan } from './instances.ts';

/** Presentation contexts of one association. */
const MAX_CONTEXTS = 128;

/**
 * The contexts to propose for what is to be sent: each SOP class in each syntax that it is stored in, alone, so that the peer
 * must answer for it; then, where it can be re-encoded, once with explicit and implicit little endian.
 */
export function proposalsFor(plan: RetrievePlan, retriever: InstanceRetriever): ContextProposal[] {
  const asStored: ContextProposal[] = [];
  const fallbacks: ContextProposal[] = [];
  for (const [abstractSyntaxUid, stored] of plan.syntaxes) {
    for (const uid of stored) asStored.push({ abstractSyntaxUid, transferSyntaxUids: [uid] });
    const convertible = [...stored].some((uid) => retriever.canGive(uid, EXPLICIT_VR_LITTLE_ENDIAN));
    if (convertible) fallbacks.push({ abstractSyntaxUid, transferSyntaxUids: [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN] });
  }
  return [...asStored, ...fallbacks].slice(0, MAX_CONTEXTS);
}

/** Opens associations to one application entity. */
export class Destination {
  readonly #config: GatewayConfig;
  readonly #aet: string;
  readonly #peer: Peer;
  readonly #contexts: readonly ContextProposal[];

  constructor(config: GatewayConfig, aet: string, peer: Peer, contexts: readonly ContextProposal[]) {
    this.#config = config;
    this.#aet = aet;
    this.#peer = peer;
    this.#contexts = contexts;
  }

  /** Rejects with a `dimse.*` error when the peer cannot be reached or refuses. */
  async connect(signal: AbortSignal): Promise<Association> {
    const { connectMs = 15_000, responseMs = 60_000, sendMs = 30_000 } = this.#config.timeouts ?? {};
    return await DimseClient.connect({
      ...this.#peer,
      callingAet: this.#config.aeTitle,
      calledAet: this.#aet,
      contexts: this.#contexts,
      connectTimeoutMs: connectMs,
      responseTimeoutMs: responseMs,
      sendTimeoutMs: sendMs,
      signal,
    });
  }
}
