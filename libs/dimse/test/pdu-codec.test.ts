import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CairnError } from '@cairn/core';
import {
  decodeAssociateAccept,
  decodeAssociateRequest,
  encodeAssociateAccept,
  encodeAssociateRequest,
} from '../src/upper-layer/associate.ts';
import type { AssociateRequest } from '../src/upper-layer/associate.ts';
import { PduReader } from '../src/upper-layer/pdu-reader.ts';
import type { UserInformation } from '../src/upper-layer/user-information.ts';
import { ECHOSCU_ASSOCIATE_RQ, ECHO_RQ, RELEASE_RQ } from './golden-bytes.ts';

const uid = fc.array(fc.integer({ min: 0, max: 99_999 }), { minLength: 1, maxLength: 8 }).map((parts) => `1.2.${parts.join('.')}`);
const aet = fc.stringMatching(/^[A-Z0-9_]{1,16}$/);
const secret = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const user: fc.Arbitrary<UserInformation> = fc.record(
  {
    maxPduLength: fc.nat({ max: 0xffffffff }),
    implementationClassUid: uid,
    implementationVersionName: fc.stringMatching(/^[A-Z0-9_]{1,16}$/),
    asynchronousOperations: fc.record({ invoked: fc.nat({ max: 65_535 }), performed: fc.nat({ max: 65_535 }) }),
    roleSelections: fc.array(fc.record({ sopClassUid: uid, scu: fc.boolean(), scp: fc.boolean() }), { maxLength: 5 }),
    extendedNegotiations: fc.array(fc.record({ sopClassUid: uid, information: secret }), { maxLength: 3 }),
    commonExtendedNegotiations: fc.array(
      fc.record({ sopClassUid: uid, serviceClassUid: uid, relatedGeneralSopClassUids: fc.array(uid, { maxLength: 3 }) }),
      { maxLength: 3 },
    ),
    userIdentity: fc.record({
      type: fc.integer({ min: 1, max: 5 }),
      positiveResponseRequested: fc.boolean(),
      primary: secret,
      secondary: secret,
    }),
  },
  { requiredKeys: ['maxPduLength', 'implementationClassUid', 'roleSelections', 'extendedNegotiations', 'commonExtendedNegotiations'] },
);
const request: fc.Arbitrary<AssociateRequest> = fc.record({
  protocolVersion: fc.constant(1),
  calledAet: aet,
  callingAet: aet,
  applicationContext: uid,
  contexts: fc
    .array(fc.record({ abstractSyntaxUid: uid, transferSyntaxUids: fc.array(uid, { minLength: 1, maxLength: 4 }) }), { maxLength: 128 })
    .map((contexts) => contexts.map((context, index) => ({ id: 2 * index + 1, ...context }))),
  user,
});

/** What a reader tells, with fragments of one PDV joined. */
function eventsOf(chunks: readonly Uint8Array[], maxLength = 262_144): string[] {
  const events: string[] = [];
  let fragment = '';
  const reader = new PduReader(
    {
      pdu: (type, body) => events.push(`${type}:${body.toString('hex')}`),
      dataStart: () => events.push('data'),
      fragment: (_contextId, _flags, bytes) => (fragment += Buffer.from(bytes).toString('hex')),
      fragmentEnd: (contextId, flags) => {
        events.push(`${contextId}/${flags}:${fragment}`);
        fragment = '';
      },
      invalid: (reason) => events.push(`invalid ${reason}`),
    },
    maxLength,
  );
  for (const chunk of chunks) reader.push(Buffer.from(chunk));
  return events;
}

describe('association PDUs', () => {
  it("reads echoscu's request", () => {
    expect(decodeAssociateRequest(ECHOSCU_ASSOCIATE_RQ.subarray(6))).toMatchObject({
      protocolVersion: 1,
      calledAet: 'CAIRN',
      callingAet: 'ECHOSCU',
      applicationContext: '1.2.840.10008.3.1.1.1',
      contexts: [{ id: 1, abstractSyntaxUid: '1.2.840.10008.1.1', transferSyntaxUids: ['1.2.840.10008.1.2'] }],
      user: { maxPduLength: 16_384, implementationClassUid: '1.2.276.0.7230010.3.0.3.6.7', implementationVersionName: 'OFFIS_DCMTK_367' },
    });
  });

  it('round trips requests with every sub-item and up to 128 contexts', () => {
    fc.assert(
      fc.property(request, (value) => {
        expect(decodeAssociateRequest(encodeAssociateRequest(value).subarray(6))).toEqual(value);
      }),
      { numRuns: 60 },
    );
  });

  it('round trips answers', () => {
    const accept = fc.record({
      calledAet: aet,
      callingAet: aet,
      contexts: fc.array(fc.record({ id: fc.constant(1), result: fc.nat({ max: 4 }), transferSyntaxUid: uid }), { maxLength: 4 }),
      user,
    });
    fc.assert(
      fc.property(accept, (value) => {
        expect(decodeAssociateAccept(encodeAssociateAccept(value).subarray(6))).toEqual(value);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses a mutated request with dimse.protocol or reads it, but never breaks', () => {
    const mutation = fc.record({
      at: fc.nat({ max: ECHOSCU_ASSOCIATE_RQ.length - 7 }),
      to: fc.nat({ max: 255 }),
      cut: fc.nat({ max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 5 }), (mutations) => {
        let body = Buffer.from(ECHOSCU_ASSOCIATE_RQ.subarray(6));
        for (const { at, to, cut } of mutations) {
          body[at] = to;
          if (cut > 30) body = body.subarray(0, -cut);
        }
        try {
          decodeAssociateRequest(body);
        } catch (error) {
          expect(CairnError.is(error, 'dimse.protocol')).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses even and doubled context ids', () => {
    const base = decodeAssociateRequest(ECHOSCU_ASSOCIATE_RQ.subarray(6));
    for (const ids of [[2], [1, 1]]) {
      const bytes = encodeAssociateRequest({ ...base, contexts: ids.map((id) => ({ ...base.contexts[0]!, id })) });
      expect(() => decodeAssociateRequest(bytes.subarray(6))).toThrow(/context id/);
    }
  });
});

describe('PDU reader', () => {
  const stream = Buffer.concat([ECHOSCU_ASSOCIATE_RQ, ECHO_RQ, ECHO_RQ, RELEASE_RQ]);

  it('gives the same whatever the chunking', () => {
    const whole = eventsOf([stream]);
    expect(whole).toHaveLength(6);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 60 }), (sizes) => {
        expect(eventsOf(rechunk(stream, sizes))).toEqual(whole);
      }),
      { numRuns: 200 },
    );
  });

  it('passes views of the chunks on, no copies', () => {
    const chunk = Buffer.from(ECHO_RQ);
    const views: Uint8Array[] = [];
    const sink = {
      pdu() {},
      dataStart() {},
      fragmentEnd() {},
      invalid() {},
      fragment: (_id: number, _flags: number, bytes: Uint8Array) => views.push(bytes),
    };
    new PduReader(sink, 1000).push(chunk);
    expect(views.map((view) => [view.buffer === chunk.buffer, view.byteOffset - chunk.byteOffset])).toEqual([[true, 12]]);
  });

  it('reads several fragments of one P-DATA-TF, empty ones too', () => {
    const pdu = Buffer.from('04000000000f' + '00000003' + '0102aa' + '00000002' + '0300', 'hex');
    pdu.writeUInt32BE(pdu.length - 6, 2);
    expect(eventsOf([pdu])).toEqual(['data', '1/2:aa', '3/0:']);
  });

  it.each([
    ['an unknown type', '090000000004', 1],
    ['type 0', '000000000004', 1],
    ['a P-DATA-TF longer than the maximum', '040000040001', 6],
    ['a P-DATA-TF of 4 GiB', '0400ffffffff', 6],
    ['an empty P-DATA-TF', '040000000000', 6],
    ['an association request of 4 GiB', '0100ffffffff', 6],
    ['a release with a wrong length', '050000000005', 6],
    ['a fragment that leaves its PDU', '040000000008' + '00000009' + '0100', 6],
    ['a fragment without control header', '040000000008' + '00000001' + '0100', 6],
    ['rest bytes after a fragment', '04000000000a' + '00000004' + '0100' + 'aabb' + '0000', 6],
  ])('case 3: stops at %s', (_what, hex, reason) => {
    const events = eventsOf([Buffer.from(hex, 'hex'), RELEASE_RQ]);
    expect(events.filter((event) => event.startsWith('invalid'))).toEqual([`invalid ${reason}`]);
    expect(events.at(-1)).toBe(`invalid ${reason}`);
  });

  it('never breaks on noise', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 10 }), (chunks) => {
        const events = eventsOf(chunks);
        expect(events.slice(0, -1).some((event) => event.startsWith('invalid'))).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });
});

function rechunk(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let offset = 0, index = 0; offset < bytes.length; index++) {
    const size = sizes[index % sizes.length]!;
    chunks.push(bytes.subarray(offset, offset + size));
    offset += size;
  }
  return chunks;
}
