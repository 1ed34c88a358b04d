import { ITEM, ascii, readItems, uidText, writeItem } from './items.ts';
import { PDU, PDU_HEADER_LENGTH, protocolError } from './pdu.ts';
import { decodeUserInformation, emptyUserInformation, encodeUserInformation } from './user-information.ts';
import type { UserInformation } from './user-information.ts';

/** DICOM's one application context (PS3.7 §A.2.1). */
export const DICOM_APPLICATION_CONTEXT = '1.2.840.10008.3.1.1.1';

/** A presentation context as proposed (PS3.8 §9.3.2.2): an odd id, one abstract syntax, its transfer syntaxes. */
export interface ProposedContext {
  id: number;
  abstractSyntaxUid: string;
  transferSyntaxUids: readonly string[];
}

/** The answer to one proposed context (PS3.8 Table 9-18): 0 accepted, 1 user rejection, 2 no reason, 3 abstract syntax, 4 transfer syntaxes not supported. */
export interface ContextResult {
  id: number;
  result: number;
  /** Meaningful only with result 0. */
  transferSyntaxUid: string;
}

/** A-ASSOCIATE-RQ (PS3.8 §9.3.2). AE titles are without padding. */
export interface AssociateRequest {
  protocolVersion: number;
  calledAet: string;
  callingAet: string;
  applicationContext: string;
  contexts: readonly ProposedContext[];
  user: UserInformation;
}

/** A-ASSOCIATE-AC (PS3.8 §9.3.3). The AE titles are those of the request. */
export interface AssociateAccept {
  calledAet: string;
  callingAet: string;
  contexts: readonly ContextResult[];
  user: UserInformation;
}

/** Version, reserved, two AE titles, 32 reserved bytes. */
const FIXED_LENGTH = 68;

/** A whole A-ASSOCIATE-RQ. */
export function encodeAssociateRequest(request: AssociateRequest): Buffer {
  const contexts = request.contexts.map((context) =>
    writeItem(
      ITEM.proposedContext,
      Buffer.from([context.id, 0, 0, 0]),
      writeItem(ITEM.abstractSyntax, ascii(context.abstractSyntaxUid)),
      ...context.transferSyntaxUids.map((uid) => writeItem(ITEM.transferSyntax, ascii(uid))),
    ),
  );
  const items = [writeItem(ITEM.applicationContext, ascii(request.applicationContext)), ...contexts, encodeUserInformation(request.user)];
  return frame(PDU.associateRq, request, items);
}

/** Reads the bytes after the header; throws `dimse.protocol` on cut off items, doubled or even context ids. */
export function decodeAssociateRequest(body: Buffer): AssociateRequest {
  const fixed = decodeFixed(body);
  const contexts: ProposedContext[] = [];
  const ids = new Set<number>();
  let applicationContext = '';
  let user: UserInformation = emptyUserInformation();
  for (const item of readItems(body, FIXED_LENGTH)) {
    if (item.type === ITEM.applicationContext) applicationContext = uidText(item.value);
    else if (item.type === ITEM.userInformation) user = decodeUserInformation(item.value);
    else if (item.type === ITEM.proposedContext) {
      const context = decodeProposed(item.value);
      if (ids.has(context.id)) throw protocolError('A presentation context id occurs twice.');
      ids.add(context.id);
      contexts.push(context);
    }
  }
  return { ...fixed, applicationContext, contexts, user };
}

/** A whole A-ASSOCIATE-AC. */
export function encodeAssociateAccept(accept: AssociateAccept): Buffer {
  const contexts = accept.contexts.map((context) =>
    writeItem(
      ITEM.contextResult,
      Buffer.from([context.id, 0, context.result, 0]),
      writeItem(ITEM.transferSyntax, ascii(context.transferSyntaxUid)),
    ),
  );
  const items = [writeItem(ITEM.applicationContext, ascii(DICOM_APPLICATION_CONTEXT)), ...contexts, encodeUserInformation(accept.user)];
  return frame(PDU.associateAc, accept, items);
}

/** Reads the bytes after the header; throws `dimse.protocol`. */
export function decodeAssociateAccept(body: Buffer): AssociateAccept {
  const { calledAet, callingAet } = decodeFixed(body);
  const contexts: ContextResult[] = [];
  let user: UserInformation = emptyUserInformation();
  for (const item of readItems(body, FIXED_LENGTH)) {
    if (item.type === ITEM.userInformation) user = decodeUserInformation(item.value);
    else if (item.type === ITEM.contextResult) contexts.push(decodeResult(item.value));
  }
  return { calledAet, callingAet, contexts, user };
}

function frame(type: number, titles: { calledAet: string; callingAet: string }, items: readonly Buffer[]): Buffer {
  const fixed = Buffer.alloc(PDU_HEADER_LENGTH + FIXED_LENGTH);
  const bytes = Buffer.concat([fixed, ...items]);
  bytes[0] = type;
  bytes.writeUInt32BE(bytes.length - PDU_HEADER_LENGTH, 2);
  bytes.writeUInt16BE(1, 6);
  bytes.write(aeTitle(titles.calledAet), 10, 'latin1');
  bytes.write(aeTitle(titles.callingAet), 26, 'latin1');
  return bytes;
}

function aeTitle(title: string): string {
  return title.slice(0, 16).padEnd(16);
}

function decodeFixed(body: Buffer): { protocolVersion: number; calledAet: string; callingAet: string } {
  if (body.length < FIXED_LENGTH) throw protocolError('An A-ASSOCIATE PDU is too short.');
  const title = (start: number): string =>
    body
      .toString('latin1', start, start + 16)
      .replaceAll('\0', ' ')
      .trim();
  return { protocolVersion: body.readUInt16BE(0), calledAet: title(4), callingAet: title(20) };
}

function decodeProposed(value: Buffer): ProposedContext {
  if (value.length < 4) throw protocolError('A presentation context item is cut off.');
  const id = value[0]!;
  if (id % 2 === 0) throw protocolError('A presentation context id is even.');
  let abstractSyntaxUid = '';
  const transferSyntaxUids: string[] = [];
  for (const item of readItems(value, 4)) {
    if (item.type === ITEM.abstractSyntax) abstractSyntaxUid = uidText(item.value);
    else if (item.type === ITEM.transferSyntax) transferSyntaxUids.push(uidText(item.value));
  }
  return { id, abstractSyntaxUid, transferSyntaxUids };
}

function decodeResult(value: Buffer): ContextResult {
  if (value.length < 4) throw protocolError('A presentation context item is cut off.');
  let transferSyntaxUid = '';
  for (const item of readItems(value, 4)) if (item.type === ITEM.transferSyntax) transferSyntaxUid = uidText(item.value);
  return { id: value[0]!, result: value[2]!, transferSyntaxUid };
}
