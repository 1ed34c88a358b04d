import { CairnError } from '@cairn/core';

/**
 * Command sets (PS3.7 §6.3, annex E): elements of group 0000 in Implicit VR Little Endian, ascending, each
 * `group(2) element(2) length(4) value`, the first being the group length (0000,0000).
 */

const TEXT_ELEMENTS = [
  [0x0002, 'AffectedSOPClassUID', '\0'],
  [0x0003, 'RequestedSOPClassUID', '\0'],
  [0x0600, 'MoveDestination', ' '],
  [0x0902, 'ErrorComment', ' '],
  [0x1000, 'AffectedSOPInstanceUID', '\0'],
  [0x1001, 'RequestedSOPInstanceUID', '\0'],
  [0x1030, 'MoveOriginatorApplicationEntityTitle', ' '],
] as const;

const NUMBER_ELEMENTS = [
  [0x0100, 'CommandField'],
  [0x0110, 'MessageID'],
  [0x0120, 'MessageIDBeingRespondedTo'],
  [0x0700, 'Priority'],
  [0x0800, 'CommandDataSetType'],
  [0x0900, 'Status'],
  [0x0903, 'ErrorID'],
  [0x1002, 'EventTypeID'],
  [0x1008, 'ActionTypeID'],
  [0x1020, 'NumberOfRemainingSuboperations'],
  [0x1021, 'NumberOfCompletedSuboperations'],
  [0x1022, 'NumberOfFailedSuboperations'],
  [0x1023, 'NumberOfWarningSuboperations'],
  [0x1031, 'MoveOriginatorMessageID'],
] as const;

const TAG_ELEMENTS = [
  [0x0901, 'OffendingElement'],
  [0x1005, 'AttributeIdentifierList'],
] as const;

type Texts = { [K in (typeof TEXT_ELEMENTS)[number][1]]?: string };
type Numbers = { [K in (typeof NUMBER_ELEMENTS)[number][1]]?: number };
/** Tags as 8 upper-case hex digits. */
type Tags = { [K in (typeof TAG_ELEMENTS)[number][1]]?: readonly string[] };

/** The command elements in use, by keyword; PS3.7 annex E tells each one's meaning. */
export interface CommandSet extends Texts, Numbers, Tags {
  CommandField: number;
}

/** Values of CommandField (PS3.7 Table E.1-1); a response has bit 15 set. */
export const COMMAND = {
  store: 0x0001,
  get: 0x0010,
  find: 0x0020,
  move: 0x0021,
  echo: 0x0030,
  eventReport: 0x0100,
  nGet: 0x0110,
  nSet: 0x0120,
  action: 0x0130,
  create: 0x0140,
  delete: 0x0150,
  cancel: 0x0fff,
} as const;

/** Set in CommandField of a response. */
export const RESPONSE_BIT = 0x8000;

/** CommandDataSetType of a message without data set; every other value announces one (PS3.7 §E.1). */
export const NO_DATA_SET = 0x0101;

/** Largest command set read; the longest legal one has an attribute list of some hundred tags. */
export const MAX_COMMAND_LENGTH = 65_536;

const TEXT_KEYWORD = new Map<number, (typeof TEXT_ELEMENTS)[number][1]>(TEXT_ELEMENTS.map(([element, keyword]) => [element, keyword]));
const NUMBER_KEYWORD = new Map<number, (typeof NUMBER_ELEMENTS)[number][1]>(
  NUMBER_ELEMENTS.map(([element, keyword]) => [element, keyword]),
);
const TAG_KEYWORD = new Map<number, (typeof TAG_ELEMENTS)[number][1]>(TAG_ELEMENTS.map(([element, keyword]) => [element, keyword]));

/** A whole command set with its group length. Numbers beyond 16 bits (counts of sub-operations) become 65535. */
export function encodeCommandSet(command: CommandSet): Buffer {
  const elements: { element: number; bytes: Buffer }[] = [];
  for (const [element, keyword, padding] of TEXT_ELEMENTS) {
    const value = command[keyword];
    if (value !== undefined) elements.push({ element, bytes: encodeElement(element, textBytes(value, padding)) });
  }
  for (const [element, keyword] of NUMBER_ELEMENTS) {
    const value = command[keyword];
    if (value !== undefined) elements.push({ element, bytes: encodeElement(element, numberBytes(value)) });
  }
  for (const [element, keyword] of TAG_ELEMENTS) {
    const value = command[keyword];
    if (value !== undefined) elements.push({ element, bytes: encodeElement(element, Buffer.concat(value.map(tagBytes))) });
  }
  elements.sort((a, b) => a.element - b.element);
  const body = Buffer.concat(elements.map(({ bytes }) => bytes));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  return Buffer.concat([encodeElement(0x0000, length), body]);
}

/**
 * Reads a command set. A missing or wrong group length and unknown elements are read over; another group, an element that
 * reaches beyond the end, a number without two bytes or a missing CommandField throw `dimse.protocol`.
 */
export function decodeCommandSet(bytes: Buffer): CommandSet {
  const texts: Texts = {};
  const numbers: Numbers = {};
  const tags: Tags = {};
  for (const { element, value } of readElements(bytes)) {
    const text = TEXT_KEYWORD.get(element);
    const number = NUMBER_KEYWORD.get(element);
    const tagList = TAG_KEYWORD.get(element);
    if (text)
      texts[text] = value
        .toString('latin1')
        .replace(/[\0 ]+$/, '')
        .replace(/^ +/, '');
    else if (number && value.length > 0) numbers[number] = decodeNumber(value);
    else if (tagList) tags[tagList] = decodeTags(value);
  }
  if (numbers.CommandField === undefined) throw malformed('A command set has no CommandField.');
  return { ...texts, ...numbers, ...tags, CommandField: numbers.CommandField };
}

/** True when a data set follows the command. */
export function announcesDataSet(command: CommandSet): boolean {
  return command.CommandDataSetType !== undefined && command.CommandDataSetType !== NO_DATA_SET;
}

function* readElements(bytes: Buffer): Generator<{ element: number; value: Buffer }> {
  for (let offset = 0; offset < bytes.length;) {
    if (offset + 8 > bytes.length) throw malformed('A command element is cut off.');
    if (bytes.readUInt16LE(offset) !== 0) throw malformed('A command set holds an element of another group than 0000.');
    const end = offset + 8 + bytes.readUInt32LE(offset + 4);
    if (end > bytes.length) throw malformed('A command element reaches beyond the end.');
    yield { element: bytes.readUInt16LE(offset + 2), value: bytes.subarray(offset + 8, end) };
    offset = end;
  }
}

function encodeElement(element: number, value: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16LE(element, 2);
  header.writeUInt32LE(value.length, 4);
  return Buffer.concat([header, value]);
}

function textBytes(text: string, padding: string): Buffer {
  return Buffer.from(text.length % 2 === 0 ? text : text + padding, 'latin1');
}

function numberBytes(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(Math.min(value, 0xffff));
  return bytes;
}

function tagBytes(tag: string): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
  bytes.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
  return bytes;
}

function decodeNumber(value: Buffer): number {
  if (value.length !== 2) throw malformed('A number in a command set has no two bytes.');
  return value.readUInt16LE(0);
}

function decodeTags(value: Buffer): string[] {
  if (value.length % 4 !== 0) throw malformed('A list of tags in a command set is cut off.');
  const tags: string[] = [];
  for (let offset = 0; offset < value.length; offset += 4) {
    const number = value.readUInt16LE(offset) * 0x10000 + value.readUInt16LE(offset + 2);
    tags.push(number.toString(16).toUpperCase().padStart(8, '0'));
  }
  return tags;
}

function malformed(message: string): CairnError {
  return new CairnError('dimse.protocol', message);
}
