import type { AcceptedContext } from './agreement.ts';
import type { CommandSet } from './command-set.ts';
import type { OutgoingDataSet } from './message-writer.ts';

/** A response of the peer. */
export interface Response {
  status: number;
  command: CommandSet;
  /** Encoded in the transfer syntax of the request's context. */
  dataSet?: Uint8Array;
}

/** How long to wait, and when to give up. */
export interface RequestOptions {
  /** Cancels: C-FIND, C-GET and C-MOVE send C-CANCEL and end with the peer's answer, others abort the association. */
  signal?: AbortSignal;
  /** Time for each response, from the request or the response before; default that of the association. */
  responseTimeoutMs?: number;
}

/** A C-STORE to send. */
export interface StoreRequest {
  sopClassUid: string;
  sopInstanceUid: string;
  /** Syntax of the data set; picks the context. */
  transferSyntaxUid: string;
  dataSet: OutgoingDataSet;
  /** Set for sub-operations of a C-MOVE. */
  moveOriginator?: { aet: string; messageId: number };
}

/** An N-service request to send. */
export interface NServiceRequest {
  /** One of COMMAND's N-services. */
  commandField: number;
  sopClassUid: string;
  sopInstanceUid?: string;
  actionTypeId?: number;
  eventTypeId?: number;
  attributeIdentifierList?: readonly string[];
  /** Encoded in the context's transfer syntax. */
  dataSet?: Uint8Array;
  /** Default: the first context of the SOP class in which we are the SCU; an N-EVENT-REPORT names one in which we are the SCP. */
  context?: AcceptedContext;
}
