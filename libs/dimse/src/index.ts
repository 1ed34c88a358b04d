export { DimseServer } from './server.ts';
export type { Listener, ServerHandlers, ServerOptions } from './server.ts';
export { DimseClient } from './client.ts';
export type { ConnectOptions, ContextProposal } from './client.ts';
export type { AssociationSummary } from './acceptor.ts';
export { Association, VERIFICATION_SOP_CLASS } from './message/association.ts';
export type { AcceptedContext, Agreement } from './message/agreement.ts';
export type { NServiceRequest, RequestOptions, Response, StoreRequest } from './message/requests.ts';
export { COMMAND } from './message/command-set.ts';
export type { CommandSet } from './message/command-set.ts';
export type {
  FinalResponse,
  NServiceResponse,
  Operation,
  PendingResponse,
  RequestHandlers,
  ResponseStream,
  ServedAssociation,
  SubOperations,
} from './message/operation.ts';
export type { OutgoingDataSet } from './message/message-writer.ts';
export type { AssociationDecision, ContextDecision } from './negotiation.ts';
export { NO_QUERY_OPTIONS, answerQueryOptions, decodeQueryOptions } from './query-options.ts';
export type { QueryOptions } from './query-options.ts';
export { DIMSE_STATUS, STATUS, isPending, outcomeOfError } from './error-table.ts';
export type { Outcome } from './error-table.ts';
export type { ClientTls, ServerTls } from './tls.ts';
export type { AssociateRequest, ProposedContext } from './upper-layer/associate.ts';
export { REJECTION } from './upper-layer/pdu.ts';
export type { Rejection } from './upper-layer/pdu.ts';
export type {
  AsynchronousOperations,
  CommonExtendedNegotiation,
  ExtendedNegotiation,
  RoleSelection,
  UserIdentity,
  UserInformation,
} from './upper-layer/user-information.ts';
