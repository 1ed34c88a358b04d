/** What a requestor and an acceptor of the query/retrieve service agree on beyond the baseline (PS3.4 §C.5.1.1, §C.5.2.1). */
export interface QueryOptions {
  relational: boolean;
  combinedDateTime: boolean;
  fuzzyNames: boolean;
  timezoneAdjustment: boolean;
}

/** The baseline: nothing negotiated. */
export const NO_QUERY_OPTIONS: QueryOptions = { relational: false, combinedDateTime: false, fuzzyNames: false, timezoneAdjustment: false };

/** Reads the service class application information of a query/retrieve SOP class: one byte each; missing ones are 0. */
export function decodeQueryOptions(information: Uint8Array | undefined): QueryOptions {
  return {
    relational: information?.[0] === 1,
    combinedDateTime: information?.[1] === 1,
    fuzzyNames: information?.[2] === 1,
    timezoneAdjustment: information?.[3] === 1,
  };
}

/** The answer to proposed options: what both want, in as many bytes as were proposed. */
export function answerQueryOptions(proposed: Uint8Array, supported: QueryOptions): Uint8Array {
  const ours = [supported.relational, supported.combinedDateTime, supported.fuzzyNames, supported.timezoneAdjustment];
  return Uint8Array.from(proposed, (value, index) => Number(value === 1 && (ours[index] ?? false)));
}
