import { VERIFICATION_SOP_CLASS, REJECTION, answerQueryOptions } from '@cairn/dimse';
import type { AssociateRequest, AssociationDecision, AssociationSummary, ContextDecision, ProposedContext } from '@cairn/dimse';
import { EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, SOP_CLASSES, TRANSFER_SYNTAXES } from '@cairn/dicom';
import { STORAGE_COMMITMENT } from '../commitment/storage-commitment.ts';
import type { GatewayConfig } from '../gateway.config.ts';
import { FIND_MODELS, GET_MODELS, MOVE_MODELS } from './sop-classes.ts';

/** Syntaxes of commands' own data sets (identifiers), the most telling first. */
const IDENTIFIER_SYNTAXES = [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN];

/** Every UID of the standard begins so; others are private. */
const DICOM_ROOT = '1.2.840.10008.';

/** Where the standard adds storage SOP classes. */
const STORAGE_ROOT = '1.2.840.10008.5.1.4.1.1.';

/** What we can of extended negotiation; times are matched as they are written. */
const QUERY_OPTIONS = { relational: true, combinedDateTime: true, fuzzyNames: true, timezoneAdjustment: false };

/** Who may associate, and for what. */
export class Admission {
  readonly #config: GatewayConfig;

  constructor(config: GatewayConfig) {
    this.#config = config;
  }

  /** Unknown called title: 1/1/7; caller that is not listed, or not from its address: 1/1/3. */
  decide(request: AssociateRequest, peer: AssociationSummary): AssociationDecision {
    const called = this.#config.calledAets ?? [this.#config.aeTitle];
    if (!called.includes('*') && !called.includes(request.calledAet)) return { rejection: REJECTION.calledAet };
    if (!this.#isCallerAllowed(request.callingAet, peer.address)) return { rejection: REJECTION.callingAet };
    return {
      decideContext: (context) => this.#decideContext(context),
      answerExtended: ({ sopClassUid, information }) =>
        isQueryClass(sopClassUid) ? answerQueryOptions(information, QUERY_OPTIONS) : undefined,
      userIdentityResponse: new Uint8Array(),
    };
  }

  #isCallerAllowed(callingAet: string, address: string): boolean {
    const { allowedCallers } = this.#config;
    if (!allowedCallers) return true;
    return allowedCallers.some((caller) => caller.aet === callingAet && (caller.permits === undefined || caller.permits(address)));
  }

  #decideContext({ abstractSyntaxUid, transferSyntaxUids }: ProposedContext): ContextDecision {
    if (abstractSyntaxUid === VERIFICATION_SOP_CLASS || isQueryClass(abstractSyntaxUid)) {
      return choose(IDENTIFIER_SYNTAXES.find((uid) => transferSyntaxUids.includes(uid)));
    }
    if (abstractSyntaxUid === STORAGE_COMMITMENT.sopClassUid) {
      // We send no requests, so nobody need report to us.
      return choose(
        IDENTIFIER_SYNTAXES.find((uid) => transferSyntaxUids.includes(uid)),
        false,
      );
    }
    if (!this.#isStorage(abstractSyntaxUid)) return { result: 3 };
    return choose(transferSyntaxUids.find((uid) => this.#isTransferSyntax(uid)));
  }

  #isStorage(uid: string): boolean {
    const known = SOP_CLASSES.get(uid);
    if (known) return known.isStorage;
    return this.#acceptsUnknown && (uid.startsWith(STORAGE_ROOT) || !uid.startsWith(DICOM_ROOT));
  }

  /** Bytes are kept as they come, so that a private syntax can be stored and given back to whoever takes it. */
  #isTransferSyntax(uid: string): boolean {
    return TRANSFER_SYNTAXES.has(uid) || (this.#acceptsUnknown && !uid.startsWith(DICOM_ROOT));
  }

  get #acceptsUnknown(): boolean {
    return this.#config.acceptUnknownStorage ?? true;
  }
}

function choose(transferSyntaxUid: string | undefined, requestorMayBeScp = true): ContextDecision {
  return transferSyntaxUid === undefined ? { result: 4 } : { result: 0, transferSyntaxUid, requestorMayBeScp };
}

function isQueryClass(uid: string): boolean {
  return FIND_MODELS.has(uid) || MOVE_MODELS.has(uid) || GET_MODELS.has(uid);
}
