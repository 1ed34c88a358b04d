/**
 * The DICOM upper layer's state machine as PS3.8 Table 9-10 prints it: event × state → action and next state.
 * The upper layer is a loop over this table; an empty cell is an event that cannot occur in that state.
 */

/** PS3.8 Tables 9-1 to 9-5: 1 idle, 2 awaiting A-ASSOCIATE-RQ, 3 awaiting the local answer, 4 connecting, 5 awaiting AC or RJ, 6 data transfer, 7–12 release, 13 awaiting close. */
export type State = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13;

/** Actions of PS3.8 Tables 9-6 to 9-9. */
export type Action =
  | 'AE-1' | 'AE-2' | 'AE-3' | 'AE-4' | 'AE-5' | 'AE-6' | 'AE-7' | 'AE-8'
  | 'DT-1' | 'DT-2'
  | 'AR-1' | 'AR-2' | 'AR-3' | 'AR-4' | 'AR-5' | 'AR-6' | 'AR-7' | 'AR-8' | 'AR-9' | 'AR-10'
  | 'AA-1' | 'AA-2' | 'AA-3' | 'AA-4' | 'AA-5' | 'AA-6' | 'AA-7' | 'AA-8'; // prettier-ignore

/** Events of PS3.8 Table 9-10, Evt1 to Evt19 in order. */
export type Event =
  | 'associate-request' | 'transport-connected' | 'associate-ac' | 'associate-rj' | 'transport-indication' | 'associate-rq'
  | 'accept' | 'reject' | 'data-request' | 'p-data-tf' | 'release-request' | 'release-rq' | 'release-rp' | 'release-response'
  | 'abort-request' | 'abort' | 'transport-closed' | 'artim-expired' | 'invalid-pdu'; // prettier-ignore

/** What one cell says. AE-6 and AR-8 choose between two next states; the one given here is that of acceptance and of the requestor. */
export type Transition = readonly [action: Action, next: State];

type Row = Readonly<Partial<Record<State, Transition>>>;

const AA1: Transition = ['AA-1', 13];
const AA2: Transition = ['AA-2', 1];
const AA3: Transition = ['AA-3', 1];
const AA4: Transition = ['AA-4', 1];
const AA6: Transition = ['AA-6', 13];
const AA7: Transition = ['AA-7', 13];
const AA8: Transition = ['AA-8', 13];

/** A PDU that is wrong in every state but those named by the row. */
const UNEXPECTED: Row = { 2: AA1, 3: AA8, 5: AA8, 6: AA8, 7: AA8, 8: AA8, 9: AA8, 10: AA8, 11: AA8, 12: AA8, 13: AA6 };

/** PS3.8 Table 9-10. */
export const STATE_TABLE: Readonly<Record<Event, Row>> = {
  'associate-request': { 1: ['AE-1', 4] },
  'transport-connected': { 4: ['AE-2', 5] },
  'associate-ac': { ...UNEXPECTED, 5: ['AE-3', 6] },
  'associate-rj': { ...UNEXPECTED, 5: ['AE-4', 1] },
  'transport-indication': { 1: ['AE-5', 2] },
  'associate-rq': { ...UNEXPECTED, 2: ['AE-6', 3], 13: AA7 },
  accept: { 3: ['AE-7', 6] },
  reject: { 3: ['AE-8', 13] },
  'data-request': { 6: ['DT-1', 6], 8: ['AR-7', 8] },
  'p-data-tf': { ...UNEXPECTED, 6: ['DT-2', 6], 7: ['AR-6', 7] },
  'release-request': { 6: ['AR-1', 7] },
  'release-rq': { ...UNEXPECTED, 6: ['AR-2', 8], 7: ['AR-8', 9] },
  'release-rp': { ...UNEXPECTED, 7: ['AR-3', 1], 10: ['AR-10', 12], 11: ['AR-3', 1] },
  'release-response': { 8: ['AR-4', 13], 9: ['AR-9', 11], 12: ['AR-4', 13] },
  'abort-request': { 3: AA1, 4: AA2, 5: AA1, 6: AA1, 7: AA1, 8: AA1, 9: AA1, 10: AA1, 11: AA1, 12: AA1 },
  abort: { 2: AA2, 3: AA3, 5: AA3, 6: AA3, 7: AA3, 8: AA3, 9: AA3, 10: AA3, 11: AA3, 12: AA3, 13: AA2 },
  'transport-closed': {
    2: ['AA-5', 1],
    3: AA4,
    4: AA4,
    5: AA4,
    6: AA4,
    7: AA4,
    8: AA4,
    9: AA4,
    10: AA4,
    11: AA4,
    12: AA4,
    13: ['AR-5', 1],
  },
  'artim-expired': { 2: AA2, 13: AA2 },
  'invalid-pdu': { ...UNEXPECTED, 13: AA7 },
};
