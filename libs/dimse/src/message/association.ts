import { CairnError } from '@cairn/core';
import type { Logger } from '@cairn/core';
import type { UpperLayer, UpperLayerUser } from '../upper-layer/upper-layer.ts';
import { ABORT_REASON, protocolError } from '../upper-layer/pdu.ts';
import { COMMAND, RESPONSE_BIT } from './command-set.ts';
import type { CommandSet } from './command-set.ts';
import { FlowControl } from './flow-control.ts';
import type { DataSetSink } from './incoming-data-set.ts';
import { MessageReader } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import type { OutgoingDataSet } from './message-writer.ts';
import type { AcceptedContext, Agreement } from './agreement.ts';
import type { RequestHandlers, ServedAssociation } from './operation.ts';
import type { NServiceRequest, RequestOptions, Response, StoreRequest } from './requests.ts';
import { ServiceProvider } from './service-provider.ts';
import { ServiceUser } from './service-user.ts';

/** Verification SOP class (PS3.4 annex A). */
export const VERIFICATION_SOP_CLASS = '1.2.840.10008.1.1';

/** How an association behaves. */
export interface AssociationOptions {
  handlers: RequestHandlers;
  responseTimeoutMs: number;
  logger: Logger;
  /** Called once when the association is over. */
  onClosed?: () => void;
}

/** An established association in either role: sends requests, serves the peer's. */
export class Association implements UpperLayerUser, ServedAssociation {
  readonly agreement: Agreement;
  readonly #layer: UpperLayer;
  readonly #reader: MessageReader;
  readonly #writer: MessageWriter;
  readonly #flow: FlowControl;
  readonly #provider: ServiceProvider;
  readonly #user: ServiceUser;
  readonly #contexts: ReadonlyMap<number, AcceptedContext>;
  readonly #options: AssociationOptions;
  readonly #closed: Promise<CairnError | undefined>;
  #isOpen = true;
  #settleClosed: (error: CairnError | undefined) => void = () => {};

  constructor(layer: UpperLayer, agreement: Agreement, options: AssociationOptions) {
    this.agreement = agreement;
    this.#layer = layer;
    this.#options = options;
    this.#contexts = new Map(agreement.contexts.map((context) => [context.id, context]));
    this.#flow = new FlowControl(layer);
    this.#reader = new MessageReader((contextId, command) => this.#onCommand(contextId, command));
    this.#writer = new MessageWriter(async (parts, onWritten) => await layer.sendData(parts, onWritten), agreement.peer.maxPduLength);
    this.#closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#provider = new ServiceProvider({
      association: this,
      handlers: options.handlers,
      flow: this.#flow,
      respond: async (context, command, dataSet) => await this.#send(context, command, dataSet),
      window: agreement.performedWindow,
      logger: options.logger,
    });
    this.#user = new ServiceUser({
      send: async (context, command, dataSet) => await this.#send(context, command, dataSet),
      abort: (error) => layer.abort(error),
      flow: this.#flow,
      window: agreement.invokedWindow,
      responseTimeoutMs: options.responseTimeoutMs,
    });
  }

  /** Resolves when the association is over: undefined after a release, else the error. */
  get closed(): Promise<CairnError | undefined> {
    return this.#closed;
  }

  /** False once the association is over. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Requests of either side that have no final response yet. */
  get operations(): number {
    return this.#provider.operations + this.#user.requests;
  }

  /** The context in which we may send requests of this SOP class, with that transfer syntax if one is given. */
  contextFor(sopClassUid: string, transferSyntaxUid?: string): AcceptedContext | undefined {
    return this.agreement.contexts.find(
      (context) =>
        context.scu &&
        context.abstractSyntaxUid === sopClassUid &&
        (transferSyntaxUid === undefined || context.transferSyntaxUid === transferSyntaxUid),
    );
  }

  /** C-ECHO; resolves to the status. */
  async echo(options?: RequestOptions): Promise<number> {
    const command = { CommandField: COMMAND.echo, AffectedSOPClassUID: VERIFICATION_SOP_CLASS };
    return (await this.#only(this.#context(VERIFICATION_SOP_CLASS), command, undefined, options)).status;
  }

  /** C-STORE. Throws `dimse.no-context` when no accepted context has this SOP class and transfer syntax. */
  async store(request: StoreRequest, options?: RequestOptions): Promise<Response> {
    const context = this.#context(request.sopClassUid, request.transferSyntaxUid);
    const command: CommandSet = {
      CommandField: COMMAND.store,
      AffectedSOPClassUID: request.sopClassUid,
      AffectedSOPInstanceUID: request.sopInstanceUid,
      Priority: 0,
    };
    if (request.moveOriginator) {
      command.MoveOriginatorApplicationEntityTitle = request.moveOriginator.aet;
      command.MoveOriginatorMessageID = request.moveOriginator.messageId;
    }
    return await this.#only(context, command, request.dataSet, options);
  }

  /** C-FIND; the identifier is encoded in the transfer syntax of `contextFor(sopClassUid)`. */
  find(sopClassUid: string, identifier: Uint8Array, options?: RequestOptions): AsyncGenerator<Response, void, undefined> {
    return this.#query(COMMAND.find, sopClassUid, identifier, {}, options);
  }

  /** C-GET; what comes is handed to the `onStore` handler given at connect. */
  get(sopClassUid: string, identifier: Uint8Array, options?: RequestOptions): AsyncGenerator<Response, void, undefined> {
    return this.#query(COMMAND.get, sopClassUid, identifier, {}, options);
  }

  /** C-MOVE to the application entity `destination`. */
  move(
    sopClassUid: string,
    destination: string,
    identifier: Uint8Array,
    options?: RequestOptions,
  ): AsyncGenerator<Response, void, undefined> {
    return this.#query(COMMAND.move, sopClassUid, identifier, { MoveDestination: destination }, options);
  }

  /** N-CREATE and N-EVENT-REPORT name the affected, the others the requested instance (PS3.7 §10.1). */
  async nService(request: NServiceRequest, options?: RequestOptions): Promise<Response> {
    const affected = request.commandField === COMMAND.create || request.commandField === COMMAND.eventReport;
    const command: CommandSet = {
      CommandField: request.commandField,
      [affected ? 'AffectedSOPClassUID' : 'RequestedSOPClassUID']: request.sopClassUid,
    };
    if (request.sopInstanceUid !== undefined) {
      command[affected ? 'AffectedSOPInstanceUID' : 'RequestedSOPInstanceUID'] = request.sopInstanceUid;
    }
    if (request.actionTypeId !== undefined) command.ActionTypeID = request.actionTypeId;
    if (request.eventTypeId !== undefined) command.EventTypeID = request.eventTypeId;
    if (request.attributeIdentifierList) command.AttributeIdentifierList = request.attributeIdentifierList;
    return await this.#only(request.context ?? this.#context(request.sopClassUid), command, request.dataSet, options);
  }

  /** Orderly release; resolves when the association is over. */
  async release(): Promise<void> {
    this.#layer.release();
    await this.#closed;
  }

  /** A-ABORT by us. */
  abort(reason: CairnError = new CairnError('dimse.aborted', 'The association was aborted here.')): void {
    this.#layer.abort(reason);
  }

  /** For the upper layer. */
  associateRequested(): void {}

  /** For the upper layer. */
  associateAccepted(): void {}

  /** For the upper layer. */
  fragment(contextId: number, flags: number, bytes: Uint8Array): void {
    this.#guard(() => this.#reader.fragment(contextId, flags, bytes));
  }

  /** For the upper layer. */
  fragmentEnd(contextId: number, flags: number): void {
    this.#guard(() => this.#reader.fragmentEnd(contextId, flags));
  }

  /** For the upper layer: answers when all that was asked before is done. */
  releaseRequested(): void {
    void this.#provider.idle().then(() => this.#layer.respondRelease());
  }

  /** For the upper layer. */
  isBusy(): boolean {
    return this.#flow.paused || this.#provider.working || this.#user.requests > 0;
  }

  /** For the upper layer. */
  onClosed(error?: CairnError): void {
    const reason = error ?? new CairnError('dimse.aborted', 'The association was released.');
    this.#isOpen = false;
    this.#reader.fail(reason);
    this.#provider.end(reason);
    this.#user.end(reason);
    this.#settleClosed(error);
    this.#options.onClosed?.();
  }

  /** A message that makes no sense is the service user's to abort; one in a wrong context the provider's. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!CairnError.is(error, 'dimse.protocol')) throw error;
      if ('abortReason' in error.details) this.#layer.abortProtocol(error);
      else this.#layer.abort(error);
    }
  }

  #onCommand(contextId: number, command: CommandSet): DataSetSink {
    const context = this.#contexts.get(contextId);
    if (!context) throw protocolError('A message came in a context that was not accepted.', ABORT_REASON.unexpectedParameter);
    if (command.CommandField & RESPONSE_BIT) return this.#user.respond(command);
    if (command.CommandField !== COMMAND.cancel) return this.#provider.begin(context, checkedRequest(command));
    this.#provider.cancel(command.MessageIDBeingRespondedTo ?? -1);
    return { push() {}, end() {}, fail() {} };
  }

  #context(sopClassUid: string, transferSyntaxUid?: string): AcceptedContext {
    const context = this.contextFor(sopClassUid, transferSyntaxUid);
    if (context) return context;
    const details = { sopClassUid, ...(transferSyntaxUid === undefined ? {} : { transferSyntaxUid }) };
    throw new CairnError('dimse.no-context', 'No accepted presentation context fits.', { details });
  }

  #query(
    commandField: number,
    sopClassUid: string,
    identifier: Uint8Array,
    more: Partial<CommandSet>,
    options?: RequestOptions,
  ): AsyncGenerator<Response, void, undefined> {
    const command = { ...more, CommandField: commandField, AffectedSOPClassUID: sopClassUid, Priority: 0 };
    return this.#user.request(this.#context(sopClassUid), command, identifier, options);
  }

  async #only(context: AcceptedContext, command: CommandSet, dataSet?: OutgoingDataSet, options?: RequestOptions): Promise<Response> {
    const responses = this.#user.request(context, command, dataSet, options);
    const { value } = await responses.next();
    await responses.return();
    if (value) return value;
    throw new CairnError('dimse.aborted', 'The association ended without a response.');
  }

  /** A message that was begun must be finished: when its data set fails the association is of no more use. */
  async #send(context: AcceptedContext, command: CommandSet, dataSet?: OutgoingDataSet): Promise<void> {
    try {
      await this.#writer.write(context.id, command, dataSet);
    } catch (error) {
      this.#layer.abort(new CairnError('dimse.aborted', 'A message could not be sent to its end.', { cause: error }));
      throw error;
    }
  }
}

const REQUESTS: ReadonlySet<number> = new Set(Object.values(COMMAND));

function checkedRequest(command: CommandSet): CommandSet {
  if (!REQUESTS.has(command.CommandField)) throw new CairnError('dimse.protocol', 'The CommandField names no DIMSE service.');
  return command;
}
