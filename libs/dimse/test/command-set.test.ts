import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CairnError } from '@cairn/core';
import { announcesDataSet, decodeCommandSet, encodeCommandSet } from '../src/message/command-set.ts';
import { ECHO_RQ, commandElement, storeCommand, us } from './golden-bytes.ts';

const ECHO_COMMAND = ECHO_RQ.subarray(12);
const tags = fc.array(
  fc.integer({ min: 0, max: 0xffffffff }).map((tag) => tag.toString(16).toUpperCase().padStart(8, '0')),
  { maxLength: 5 },
);
const number = fc.nat({ max: 0xffff });
const uid = fc.stringMatching(/^1(\.\d{1,5}){1,8}$/);
const text = fc.stringMatching(/^[!-~]{1,16}$/);

describe('command sets', () => {
  it('reads and writes a C-ECHO-RQ as DCMTK does', () => {
    const command = { AffectedSOPClassUID: '1.2.840.10008.1.1', CommandField: 0x30, MessageID: 1, CommandDataSetType: 0x0101 };
    expect(decodeCommandSet(ECHO_COMMAND)).toEqual(command);
    expect(encodeCommandSet(command)).toEqual(ECHO_COMMAND);
  });

  it('round trips all elements', () => {
    const command = fc.record(
      {
        CommandField: number,
        AffectedSOPClassUID: uid,
        RequestedSOPInstanceUID: uid,
        MoveDestination: text,
        MoveOriginatorApplicationEntityTitle: text,
        ErrorComment: text,
        MessageID: number,
        MessageIDBeingRespondedTo: number,
        Status: number,
        NumberOfRemainingSuboperations: number,
        MoveOriginatorMessageID: number,
        OffendingElement: tags,
        AttributeIdentifierList: tags,
      },
      { requiredKeys: ['CommandField'] },
    );
    fc.assert(
      fc.property(command, (value) => expect(decodeCommandSet(encodeCommandSet(value))).toEqual(value)),
      { numRuns: 300 },
    );
  });

  it('reads over a missing group length, unknown elements and empty values', () => {
    const bytes = Buffer.concat([storeCommand('1.2', '1.2.3'), commandElement(0x4000, us(1)), commandElement(0x1031, Buffer.alloc(0))]);
    const command = decodeCommandSet(bytes);
    expect(command).toMatchObject({ CommandField: 1, AffectedSOPInstanceUID: '1.2.3' });
    expect(command.MoveOriginatorMessageID).toBeUndefined();
    expect(announcesDataSet(command)).toBe(true);
  });

  it('writes counts beyond 16 bits as 65535', () => {
    expect(decodeCommandSet(encodeCommandSet({ CommandField: 0x8021, NumberOfCompletedSuboperations: 100_000 }))).toMatchObject({
      NumberOfCompletedSuboperations: 65_535,
    });
  });

  it.each([
    ['no CommandField', commandElement(0x0110, us(1))],
    ['a cut off element', ECHO_COMMAND.subarray(0, -1)],
    ['a cut off header', Buffer.concat([ECHO_COMMAND, Buffer.alloc(5)])],
    ['an element of 4 GiB', commandElement(0x0100, us(1), 0xffffffff)],
    ['a number of three bytes', commandElement(0x0100, Buffer.from([1, 0, 0]))],
    ['a tag list of three bytes', Buffer.concat([commandElement(0x0100, us(1)), commandElement(0x0901, Buffer.alloc(3))])],
    ['another group', Buffer.from('08000500020000004142', 'hex')],
    ['explicit VR', Buffer.from('000000015553020030000000', 'hex')],
  ])('case 4: refuses %s', (_what, bytes) => {
    expect(() => decodeCommandSet(bytes)).toThrow(expect.objectContaining({ code: 'dimse.protocol' }));
  });

  it('case 4: 10,000 mutations are read or refused', () => {
    const base = storeCommand('1.2.840.10008.5.1.4.1.1.2', '1.2.3.4');
    fc.assert(
      fc.property(fc.nat({ max: base.length - 1 }), fc.nat({ max: 255 }), fc.nat({ max: base.length }), (at, to, end) => {
        const bytes = Buffer.from(base);
        bytes[at] = to;
        try {
          decodeCommandSet(end % 3 === 0 ? bytes.subarray(0, end) : bytes);
        } catch (error) {
          expect(CairnError.is(error, 'dimse.protocol')).toBe(true);
        }
      }),
      { numRuns: 10_000 },
    );
  });
});
