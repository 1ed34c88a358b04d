import type { AcceptedContext } from './message/agreement.ts';
import type { AssociateRequest, ContextResult, ProposedContext } from './upper-layer/associate.ts';
import type { Rejection } from './upper-layer/pdu.ts';
import type { AsynchronousOperations, ExtendedNegotiation, RoleSelection, UserInformation } from './upper-layer/user-information.ts';

/** Operations at once where the peer leaves it open; one where it negotiates nothing (PS3.7 §D.3.3.3). */
const UNLIMITED_WINDOW = 64;

/** What to do with one proposed context. */
export type ContextDecision =
  /** `requestorMayBeScp`: grant the SCP role where it is proposed (C-GET, storage commitment). */
  | { result: 0; transferSyntaxUid: string; requestorMayBeScp?: boolean }
  /** 1 user rejection, 2 no reason, 3 abstract syntax, 4 transfer syntaxes not supported. */
  | { result: 1 | 2 | 3 | 4 };

/** The answer to an association request. */
export type AssociationDecision =
  | { rejection: Rejection }
  | {
      decideContext(context: ProposedContext): ContextDecision;
      /** Gives the service class information to answer with, or undefined to leave it unanswered. */
      answerExtended?(negotiation: ExtendedNegotiation): Uint8Array | undefined;
      /** For a user identity whose sender wants a positive response; empty for types 1 and 2. */
      userIdentityResponse?: Uint8Array;
    };

/** The accepting kind of {@link AssociationDecision}. */
export type Acceptance = Extract<AssociationDecision, { decideContext: unknown }>;

/** What an acceptor answers and uses. */
export interface Negotiated {
  results: readonly ContextResult[];
  contexts: readonly AcceptedContext[];
  roleSelections: readonly RoleSelection[];
  extendedNegotiations: readonly ExtendedNegotiation[];
  asynchronousOperations?: AsynchronousOperations;
}

/** Runs a decision over a request. `maxOperations` bounds what we serve and invoke at once. */
export function negotiate(request: AssociateRequest, acceptance: Acceptance, maxOperations: number): Negotiated {
  const results: ContextResult[] = [];
  const contexts: AcceptedContext[] = [];
  const roles = new Map<string, RoleSelection>();
  for (const proposed of request.contexts) {
    const decision = acceptance.decideContext(proposed);
    const { id, abstractSyntaxUid } = proposed;
    if (decision.result !== 0) {
      results.push({ id, result: decision.result, transferSyntaxUid: proposed.transferSyntaxUids[0] ?? '' });
      continue;
    }
    const { transferSyntaxUid } = decision;
    results.push({ id, result: 0, transferSyntaxUid });
    const role = grantRole(request.user.roleSelections, abstractSyntaxUid, decision.requestorMayBeScp ?? false);
    if (role) roles.set(abstractSyntaxUid, role);
    contexts.push({ id, abstractSyntaxUid, transferSyntaxUid, scu: role?.scp ?? false, scp: role?.scu ?? true });
  }
  const operations = answerOperations(request.user.asynchronousOperations, maxOperations);
  return {
    results,
    contexts,
    roleSelections: [...roles.values()],
    extendedNegotiations: answerExtended(request.user, acceptance),
    ...(operations ? { asynchronousOperations: operations } : {}),
  };
}

/** The requestor's view of an answer: its contexts with its own roles. */
export function acceptedContexts(
  proposed: readonly ProposedContext[],
  results: readonly ContextResult[],
  granted: readonly RoleSelection[],
): AcceptedContext[] {
  const accepted: AcceptedContext[] = [];
  for (const { id, result, transferSyntaxUid } of results) {
    const context = proposed.find((one) => one.id === id);
    if (!context || result !== 0) continue;
    const role = granted.find((one) => one.sopClassUid === context.abstractSyntaxUid);
    accepted.push({ id, abstractSyntaxUid: context.abstractSyntaxUid, transferSyntaxUid, scu: role?.scu ?? true, scp: role?.scp ?? false });
  }
  return accepted;
}

/** A window as a number: 0 means any, absence one. */
export function windowOf(negotiated: number | undefined): number {
  return negotiated === undefined ? 1 : negotiated || UNLIMITED_WINDOW;
}

function grantRole(proposed: readonly RoleSelection[], sopClassUid: string, mayBeScp: boolean): RoleSelection | undefined {
  const role = proposed.find((one) => one.sopClassUid === sopClassUid);
  return role ? { sopClassUid, scu: role.scu, scp: role.scp && mayBeScp } : undefined;
}

function answerExtended(user: UserInformation, acceptance: Acceptance): ExtendedNegotiation[] {
  return user.extendedNegotiations.flatMap((negotiation) => {
    const information = acceptance.answerExtended?.(negotiation);
    return information ? [{ sopClassUid: negotiation.sopClassUid, information }] : [];
  });
}

function answerOperations(proposed: AsynchronousOperations | undefined, maxOperations: number): AsynchronousOperations | undefined {
  if (!proposed) return undefined;
  const bound = (count: number): number => (count === 0 ? maxOperations : Math.min(count, maxOperations));
  return { invoked: bound(proposed.invoked), performed: bound(proposed.performed) };
}
