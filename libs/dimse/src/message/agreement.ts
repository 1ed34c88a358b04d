import type { UserInformation } from '../upper-layer/user-information.ts';

/** A presentation context in use; the roles are ours. */
export interface AcceptedContext {
  id: number;
  abstractSyntaxUid: string;
  transferSyntaxUid: string;
  scu: boolean;
  scp: boolean;
}

/** What was agreed when the association was made. */
export interface Agreement {
  callingAet: string;
  calledAet: string;
  contexts: readonly AcceptedContext[];
  /** What the peer told of itself. Holds its user identity: never log it. */
  peer: UserInformation;
  /** Extended negotiation as accepted, by SOP class. */
  extendedNegotiations: ReadonlyMap<string, Uint8Array>;
  /** Numeric address and port of the peer. */
  address: string;
  port: number;
  /** Subject name of the peer's verified TLS certificate, if it gave one. */
  tlsSubject?: string;
  /** Operations that each side may have under way. */
  invokedWindow: number;
  performedWindow: number;
}
