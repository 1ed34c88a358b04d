import type { Outcome } from '../error-table.ts';
import type { AcceptedContext, Agreement } from './agreement.ts';
import type { CommandSet } from './command-set.ts';
import type { NServiceRequest, RequestOptions, Response, StoreRequest } from './requests.ts';

/** What a handler may do with the association that asks it. */
export interface ServedAssociation {
  readonly agreement: Agreement;
  /** False once the association is over. */
  readonly isOpen: boolean;
  /** The context in which we may send requests of this SOP class, with that transfer syntax if one is given. */
  contextFor(sopClassUid: string, transferSyntaxUid?: string): AcceptedContext | undefined;
  /** A C-STORE sub-operation of C-GET. */
  store(request: StoreRequest, options?: RequestOptions): Promise<Response>;
  nService(request: NServiceRequest, options?: RequestOptions): Promise<Response>;
  abort(): void;
}

/** A request of the peer that is being served. */
export interface Operation {
  association: ServedAssociation;
  context: AcceptedContext;
  command: CommandSet;
  /** Aborts at a C-CANCEL and at the end of the association. */
  signal: AbortSignal;
  /** True after a C-CANCEL for this operation. */
  readonly cancelled: boolean;
}

/** Counts of C-MOVE and C-GET responses (PS3.7 §9.1.3, §9.1.4). */
export interface SubOperations {
  remaining?: number;
  completed: number;
  failed: number;
  warning: number;
}

/** A response that others follow. */
export interface PendingResponse {
  /** FF00 or FF01; default FF00. */
  status?: number;
  /** Encoded in the transfer syntax of the operation's context. */
  identifier?: Uint8Array;
  subOperations?: SubOperations;
}

/** The last response of C-FIND, C-GET or C-MOVE. */
export interface FinalResponse extends Outcome {
  identifier?: Uint8Array;
  subOperations?: SubOperations;
}

/** Pending responses as they are yielded, then the final one as it is returned. */
export type ResponseStream = AsyncGenerator<PendingResponse, FinalResponse, undefined>;

/** The response to an N-service request. */
export interface NServiceResponse extends Outcome {
  /** Default: the instance that the request names. */
  sopInstanceUid?: string;
  dataSet?: Uint8Array;
}

/**
 * What serves the peer's requests. A service without handler answers 0211; an error thrown answers its status of
 * {@link DIMSE_STATUS}. C-ECHO is answered by itself.
 */
export interface RequestHandlers {
  /** C-STORE. The answer leaves after the whole data set has arrived; what the handler left unread is dropped. */
  onStore?(operation: Operation, dataSet: AsyncIterable<Uint8Array>): Promise<Outcome>;
  /** C-FIND. After a C-CANCEL the layer answers FE00 at once and returns from the stream. */
  onFind?(operation: Operation, identifier: Uint8Array): ResponseStream;
  /** C-GET. Sub-operations: `operation.association.store`. Returns FE00 itself when `signal` aborts. */
  onGet?(operation: Operation, identifier: Uint8Array): ResponseStream;
  /** C-MOVE. Returns FE00 itself when `signal` aborts. */
  onMove?(operation: Operation, identifier: Uint8Array): ResponseStream;
  /** N-CREATE, N-SET, N-GET, N-ACTION, N-DELETE, N-EVENT-REPORT: `operation.command.CommandField` tells which. */
  onNService?(operation: Operation, dataSet: Uint8Array): Promise<NServiceResponse>;
}
