import type { InstanceRetriever, OutgoingInstance } from '@cairn/archive';
import { CairnError } from '@cairn/core';
import type { AcceptedContext, RequestOptions, ServedAssociation, StoreRequest } from '@cairn/dimse';
import type { RetrievableInstance } from '@cairn/metadata-store';
import type { SubOperationResult } from './tally.ts';

/** Statuses by which a storage SCP tells that it took the instance, with reservations (PS3.4 §B.2.3, PS3.7 annex C). */
const WARNINGS: ReadonlySet<number> = new Set([0x0001, 0x0107, 0x0116, 0xb000, 0xb006, 0xb007]);

/** The context in which an instance can be sent: that of the stored syntax, else one that it can be re-encoded for. */
export function contextForInstance(
  association: ServedAssociation,
  retriever: InstanceRetriever,
  instance: RetrievableInstance,
): AcceptedContext | undefined {
  const { sopClassUid, transferSyntaxUid } = instance.version;
  const exact = association.contextFor(sopClassUid, transferSyntaxUid);
  if (exact) return exact;
  return association.agreement.contexts.find(
    (context) =>
      context.scu && context.abstractSyntaxUid === sopClassUid && retriever.canGive(transferSyntaxUid, context.transferSyntaxUid),
  );
}

/** Sends one opened instance. A refusal is `failed`; a lost association or a source that breaks off throws. */
export async function sendInstance(
  association: ServedAssociation,
  instance: RetrievableInstance,
  outgoing: OutgoingInstance,
  moveOriginator?: StoreRequest['moveOriginator'],
  options?: RequestOptions,
): Promise<SubOperationResult> {
  const request = {
    sopClassUid: instance.version.sopClassUid,
    sopInstanceUid: instance.sopInstanceUid,
    transferSyntaxUid: outgoing.transferSyntaxUid,
    dataSet: outgoing.chunks,
    ...(moveOriginator ? { moveOriginator } : {}),
  };
  const { status } = await association.store(request, options);
  if (status === 0) return 'completed';
  return WARNINGS.has(status) ? 'warning' : 'failed';
}

/** For logs: an error's code. */
export function codeOf(error: unknown): string {
  return CairnError.is(error) ? error.code : 'internal.unexpected';
}
