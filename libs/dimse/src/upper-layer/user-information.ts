import { ITEM, ascii, readCounted, readItems, uidText, writeCounted, writeItem } from './items.ts';
import type { Item } from './items.ts';
import { DEFAULT_MAX_PDU_LENGTH, protocolError } from './pdu.ts';

/** Roles that the requestor proposes for itself, or that the acceptor grants it (PS3.7 §D.3.3.4). */
export interface RoleSelection {
  sopClassUid: string;
  scu: boolean;
  scp: boolean;
}

/** Service class specific bytes of one SOP class (PS3.7 §D.3.3.5). */
export interface ExtendedNegotiation {
  sopClassUid: string;
  information: Uint8Array;
}

/** Tells which service and general SOP classes a specialised or private SOP class belongs to (PS3.7 §D.3.3.6). */
export interface CommonExtendedNegotiation {
  sopClassUid: string;
  serviceClassUid: string;
  relatedGeneralSopClassUids: readonly string[];
}

/** Who is at the other end, as he says (PS3.7 §D.3.3.7). The fields are secrets: never log them. */
export interface UserIdentity {
  /** 1 user name, 2 user name and passcode, 3 Kerberos ticket, 4 SAML assertion, 5 JSON web token. */
  type: number;
  positiveResponseRequested: boolean;
  primary: Uint8Array;
  secondary: Uint8Array;
}

/** Operations under way at once; 0 is unlimited (PS3.7 §D.3.3.3). Both counts are seen from the association's requestor. */
export interface AsynchronousOperations {
  invoked: number;
  performed: number;
}

/** The user information item of A-ASSOCIATE-RQ and -AC (PS3.8 §9.3.2.3, PS3.7 annex D). */
export interface UserInformation {
  /** Largest P-DATA-TF that its sender takes, in bytes; 0 is unlimited. */
  maxPduLength: number;
  implementationClassUid: string;
  implementationVersionName?: string;
  asynchronousOperations?: AsynchronousOperations;
  roleSelections: readonly RoleSelection[];
  extendedNegotiations: readonly ExtendedNegotiation[];
  commonExtendedNegotiations: readonly CommonExtendedNegotiation[];
  userIdentity?: UserIdentity;
  /** Answer to a user identity that asked for one; A-ASSOCIATE-AC only. */
  userIdentityResponse?: Uint8Array;
}

type Draft = Omit<UserInformation, 'roleSelections' | 'extendedNegotiations' | 'commonExtendedNegotiations'> & {
  roleSelections: RoleSelection[];
  extendedNegotiations: ExtendedNegotiation[];
  commonExtendedNegotiations: CommonExtendedNegotiation[];
};

const READERS: Readonly<Record<number, (draft: Draft, value: Buffer) => void>> = {
  [ITEM.maximumLength]: (draft, value) => {
    if (value.length !== 4) throw protocolError('The maximum length item has no 4 bytes.');
    draft.maxPduLength = value.readUInt32BE(0);
  },
  [ITEM.implementationClassUid]: (draft, value) => {
    draft.implementationClassUid = uidText(value);
  },
  [ITEM.implementationVersionName]: (draft, value) => {
    draft.implementationVersionName = value.toString('latin1').trim();
  },
  [ITEM.asynchronousOperations]: (draft, value) => {
    if (value.length !== 4) throw protocolError('The asynchronous operations item has no 4 bytes.');
    draft.asynchronousOperations = { invoked: value.readUInt16BE(0), performed: value.readUInt16BE(2) };
  },
  [ITEM.roleSelection]: (draft, value) => draft.roleSelections.push(readRole(value)),
  [ITEM.extendedNegotiation]: (draft, value) => {
    const uid = readCounted(value, 0);
    draft.extendedNegotiations.push({ sopClassUid: uidText(uid.value), information: value.subarray(uid.end) });
  },
  [ITEM.commonExtendedNegotiation]: (draft, value) => draft.commonExtendedNegotiations.push(readCommon(value)),
  [ITEM.userIdentity]: (draft, value) => {
    draft.userIdentity = readIdentity(value);
  },
  [ITEM.userIdentityResponse]: (draft, value) => {
    draft.userIdentityResponse = readCounted(value, 0).value;
  },
};

/** Reads the sub-items; unknown ones are skipped (PS3.8 §9.3.1). Throws `dimse.protocol`. */
export function decodeUserInformation(value: Buffer): UserInformation {
  const draft: Draft = emptyUserInformation();
  for (const item of readItems(value)) readSubItem(draft, item);
  return draft;
}

/** User information of a peer that sent none. */
export function emptyUserInformation(): Draft {
  return {
    maxPduLength: DEFAULT_MAX_PDU_LENGTH,
    implementationClassUid: '',
    roleSelections: [],
    extendedNegotiations: [],
    commonExtendedNegotiations: [],
  };
}

/** The whole user information item. */
export function encodeUserInformation(user: UserInformation): Buffer {
  const maximum = Buffer.alloc(4);
  maximum.writeUInt32BE(user.maxPduLength);
  const items = [writeItem(ITEM.maximumLength, maximum), writeItem(ITEM.implementationClassUid, ascii(user.implementationClassUid))];
  if (user.asynchronousOperations) items.push(writeOperations(user.asynchronousOperations));
  for (const role of user.roleSelections) items.push(writeRole(role));
  if (user.implementationVersionName) items.push(writeItem(ITEM.implementationVersionName, ascii(user.implementationVersionName)));
  for (const extended of user.extendedNegotiations) {
    items.push(writeItem(ITEM.extendedNegotiation, writeCounted(ascii(extended.sopClassUid)), extended.information));
  }
  for (const common of user.commonExtendedNegotiations) items.push(writeCommon(common));
  if (user.userIdentity) items.push(writeIdentity(user.userIdentity));
  if (user.userIdentityResponse) items.push(writeItem(ITEM.userIdentityResponse, writeCounted(user.userIdentityResponse)));
  return writeItem(ITEM.userInformation, ...items);
}

function readSubItem(draft: Draft, item: Item): void {
  READERS[item.type]?.(draft, item.value);
}

function readRole(value: Buffer): RoleSelection {
  const uid = readCounted(value, 0);
  if (uid.end + 2 > value.length) throw protocolError('A role selection item is cut off.');
  return { sopClassUid: uidText(uid.value), scu: value[uid.end] === 1, scp: value[uid.end + 1] === 1 };
}

function writeRole(role: RoleSelection): Buffer {
  return writeItem(ITEM.roleSelection, writeCounted(ascii(role.sopClassUid)), Buffer.from([Number(role.scu), Number(role.scp)]));
}

function writeOperations(operations: AsynchronousOperations): Buffer {
  const value = Buffer.alloc(4);
  value.writeUInt16BE(operations.invoked, 0);
  value.writeUInt16BE(operations.performed, 2);
  return writeItem(ITEM.asynchronousOperations, value);
}

function readCommon(value: Buffer): CommonExtendedNegotiation {
  const sopClass = readCounted(value, 0);
  const serviceClass = readCounted(value, sopClass.end);
  const related = readCounted(value, serviceClass.end).value;
  const relatedGeneralSopClassUids: string[] = [];
  for (let offset = 0; offset < related.length;) {
    const uid = readCounted(related, offset);
    relatedGeneralSopClassUids.push(uidText(uid.value));
    offset = uid.end;
  }
  return { sopClassUid: uidText(sopClass.value), serviceClassUid: uidText(serviceClass.value), relatedGeneralSopClassUids };
}

function writeCommon(common: CommonExtendedNegotiation): Buffer {
  const related = Buffer.concat(common.relatedGeneralSopClassUids.map((uid) => writeCounted(ascii(uid))));
  const uids = [writeCounted(ascii(common.sopClassUid)), writeCounted(ascii(common.serviceClassUid)), writeCounted(related)];
  return writeItem(ITEM.commonExtendedNegotiation, ...uids);
}

function readIdentity(value: Buffer): UserIdentity {
  if (value.length < 2) throw protocolError('A user identity item is cut off.');
  const primary = readCounted(value, 2);
  const secondary = readCounted(value, primary.end);
  return { type: value[0]!, positiveResponseRequested: value[1] === 1, primary: primary.value, secondary: secondary.value };
}

function writeIdentity(identity: UserIdentity): Buffer {
  const head = Buffer.from([identity.type, Number(identity.positiveResponseRequested)]);
  return writeItem(ITEM.userIdentity, head, writeCounted(identity.primary), writeCounted(identity.secondary));
}
