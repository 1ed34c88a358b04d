/** The few PDUs and commands (PS3.8 §9.3, PS3.7 §9.3) that a load generator needs; kept apart from the archive's own DIMSE library. */
import { TRANSFER_SYNTAX } from '@cairn/testing';

/** PDU types of PS3.8 §9.3.1. */
export const PDU_TYPE = { associateRq: 1, associateAc: 2, data: 4, releaseRq: 5, releaseRp: 6 } as const;

/** Bits of a message control header (PS3.8 annex E.2). */
export const PDV = { command: 1, last: 2 } as const;

/** Bytes of a P-DATA-TF PDU with one PDV before its payload. */
export const PDATA_HEADER = 12;

/** A presentation context to propose; `asScp` asks for the SCP role too, which C-GET needs (PS3.7 D.3.3.4). */
export interface ProposedContext {
  readonly abstractSyntax: string;
  readonly asScp?: boolean;
}

/** Ids are odd and follow the order of the proposal. */
export function contextId(index: number): number {
  return index * 2 + 1;
}

function item(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header[0] = type;
  header.writeUInt16BE(body.length, 2);
  return Buffer.concat([header, body]);
}

const text = (value: string): Buffer => Buffer.from(value, 'latin1');

/** A-ASSOCIATE-RQ (PS3.8 §9.3.2) that proposes Explicit VR Little Endian for every context. */
export function encodeAssociateRq(calledAeTitle: string, contexts: readonly ProposedContext[], maxPduBytes: number): Buffer {
  const fixed = Buffer.alloc(68);
  fixed.writeUInt16BE(1, 0);
  fixed.write(calledAeTitle.padEnd(16), 4);
  fixed.write('CAIRNBENCH'.padEnd(16), 20);
  const maxLength = Buffer.alloc(4);
  maxLength.writeUInt32BE(maxPduBytes);
  const roles = contexts.filter((context) => context.asScp).map((context) => roleSelection(context.abstractSyntax));
  const body = Buffer.concat([
    fixed,
    item(0x10, text('1.2.840.10008.3.1.1.1')),
    ...contexts.map((context, index) =>
      item(
        0x20,
        Buffer.concat([
          Buffer.of(contextId(index), 0, 0, 0),
          item(0x30, text(context.abstractSyntax)),
          item(0x40, text(TRANSFER_SYNTAX.explicitLittleEndian)),
        ]),
      ),
    ),
    item(0x50, Buffer.concat([item(0x51, maxLength), item(0x52, text('2.25.100')), ...roles])),
  ]);
  return pdu(PDU_TYPE.associateRq, body);
}

function roleSelection(abstractSyntax: string): Buffer {
  const uid = text(abstractSyntax);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(uid.length);
  return item(0x54, Buffer.concat([length, uid, Buffer.of(0, 1)]));
}

function pdu(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(6);
  header[0] = type;
  header.writeUInt32BE(body.length, 2);
  return Buffer.concat([header, body]);
}

/** A-RELEASE-RQ (PS3.8 §9.3.6). */
export const RELEASE_RQ = Buffer.of(PDU_TYPE.releaseRq, 0, 0, 0, 0, 4, 0, 0, 0, 0);

/** What an A-ASSOCIATE-AC says: the peer's maximum PDU length (0 = no limit) and the result of each context (0 = accepted). */
export interface Accepted {
  readonly maxPduBytes: number;
  readonly results: ReadonlyMap<number, number>;
}

/** Reads an A-ASSOCIATE-AC PDU (PS3.8 §9.3.3). */
export function decodeAssociateAc(bytes: Buffer): Accepted {
  const results = new Map<number, number>();
  let maxPduBytes = 0;
  for (const { type, body } of items(bytes.subarray(74))) {
    if (type === 0x21) results.set(body[0] ?? 0, body[2] ?? 0);
    if (type === 0x50) for (const user of items(body)) if (user.type === 0x51) maxPduBytes = user.body.readUInt32BE(0);
  }
  return { maxPduBytes, results };
}

function* items(bytes: Buffer): Generator<{ type: number; body: Buffer }> {
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readUInt16BE(at + 2);
    yield { type: bytes[at] ?? 0, body: bytes.subarray(at + 4, at + 4 + length) };
    at += 4 + length;
  }
}

/** Header of a P-DATA-TF PDU with one PDV of `payloadBytes` (PS3.8 §9.3.5). */
export function writeDataHeader(target: Buffer, payloadBytes: number, context: number, control: number): void {
  target[0] = PDU_TYPE.data;
  target.writeUInt32BE(payloadBytes + 6, 2);
  target.writeUInt32BE(payloadBytes + 2, 6);
  target[10] = context;
  target[11] = control;
}

/** One PDV as a PDU of its own. */
export function dataPdu(payload: Buffer, context: number, control: number): Buffer {
  const bytes = Buffer.alloc(PDATA_HEADER + payload.length);
  writeDataHeader(bytes, payload.length, context, control);
  payload.copy(bytes, PDATA_HEADER);
  return bytes;
}

/** Command elements of group 0000 by element number: a string is a UID or an AE title, a number is US. */
export type Command = Readonly<Record<number, string | number>>;

/** Element numbers of command fields (PS3.7 annex E). */
export const COMMAND = {
  affectedSopClassUid: 0x0002,
  commandField: 0x0100,
  messageId: 0x0110,
  messageIdBeingRespondedTo: 0x0120,
  priority: 0x0700,
  dataSetType: 0x0800,
  status: 0x0900,
  affectedSopInstanceUid: 0x1000,
} as const;

/** Command field values (PS3.7 annex E). */
export const COMMAND_FIELD = { cStoreRq: 0x0001, cStoreRsp: 0x8001, cGetRq: 0x0010, cFindRq: 0x0020 } as const;

/** Value of Command Data Set Type that says "no data set". */
export const NO_DATA_SET = 0x0101;

/** Encodes a command set in Implicit VR Little Endian with its group length (PS3.7 §6.3.1). */
export function encodeCommand(command: Command): Buffer {
  const elements = Object.entries(command)
    .map(([number, value]) => commandElement(Number(number), value))
    .sort((a, b) => a.readUInt16LE(2) - b.readUInt16LE(2));
  const body = Buffer.concat(elements);
  const groupLength = Buffer.alloc(12);
  groupLength.writeUInt32LE(4, 4);
  groupLength.writeUInt32LE(body.length, 8);
  return Buffer.concat([groupLength, body]);
}

function commandElement(number: number, value: string | number): Buffer {
  const bytes = typeof value === 'number' ? Buffer.alloc(2) : text(value.length % 2 === 0 ? value : `${value}\0`);
  if (typeof value === 'number') bytes.writeUInt16LE(value);
  const header = Buffer.alloc(8);
  header.writeUInt16LE(number, 2);
  header.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

/** Raw values of a command set by element number. */
export function decodeCommand(bytes: Buffer): Map<number, Buffer> {
  const command = new Map<number, Buffer>();
  for (let at = 0; at + 8 <= bytes.length;) {
    const length = bytes.readUInt32LE(at + 4);
    command.set(bytes.readUInt16LE(at + 2), bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return command;
}
