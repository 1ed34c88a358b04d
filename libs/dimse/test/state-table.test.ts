import { describe, expect, it } from '@jest/globals';
import { STATE_TABLE } from '../src/upper-layer/state-table.ts';
import type { Event, State } from '../src/upper-layer/state-table.ts';

const OPEN_STATES: readonly State[] = [2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13];
const PEER_EVENTS: readonly Event[] = [
  'associate-ac',
  'associate-rj',
  'associate-rq',
  'p-data-tf',
  'release-rq',
  'release-rp',
  'abort',
  'invalid-pdu',
];

describe('state table (PS3.8 Table 9-10)', () => {
  it('has an answer to everything that a peer can send in every state with a connection', () => {
    for (const event of PEER_EVENTS)
      for (const state of OPEN_STATES) expect([event, state, STATE_TABLE[event][state]?.length]).toEqual([event, state, 2]);
  });

  it('has an answer to a lost connection in every state but idle', () => {
    expect(Object.keys(STATE_TABLE['transport-closed']).map(Number)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
  });

  it.each<[Event, State, string, State]>([
    ['transport-indication', 1, 'AE-5', 2],
    ['associate-rq', 2, 'AE-6', 3],
    ['accept', 3, 'AE-7', 6],
    ['reject', 3, 'AE-8', 13],
    ['associate-ac', 5, 'AE-3', 6],
    ['associate-rj', 5, 'AE-4', 1],
    ['p-data-tf', 6, 'DT-2', 6],
    ['p-data-tf', 2, 'AA-1', 13],
    ['p-data-tf', 8, 'AA-8', 13],
    ['release-rq', 6, 'AR-2', 8],
    ['release-rq', 7, 'AR-8', 9],
    ['release-rp', 7, 'AR-3', 1],
    ['release-rp', 10, 'AR-10', 12],
    ['release-response', 9, 'AR-9', 11],
    ['abort', 6, 'AA-3', 1],
    ['invalid-pdu', 2, 'AA-1', 13],
    ['invalid-pdu', 6, 'AA-8', 13],
    ['invalid-pdu', 13, 'AA-7', 13],
    ['artim-expired', 2, 'AA-2', 1],
  ])('%s in state %i: %s, then state %i', (event, state, action, next) => {
    expect(STATE_TABLE[event][state]).toEqual([action, next]);
  });

  it('leaves an association only by release, abort or loss', () => {
    for (const [event, row] of Object.entries(STATE_TABLE)) {
      const next = row[6]?.[1];
      if (next !== undefined && next !== 6) expect(event).toMatch(/release|abort|closed|invalid|associate/);
    }
  });
});
