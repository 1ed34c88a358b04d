import { CairnError, Semaphore } from '@cairn/core';
import type { Logger } from '@cairn/core';
import { isToleratedUid } from '@cairn/dicom';
import { STATUS, outcomeOfError } from '../error-table.ts';
import type { Outcome } from '../error-table.ts';
import type { AcceptedContext } from './agreement.ts';
import { COMMAND, RESPONSE_BIT } from './command-set.ts';
import type { CommandSet } from './command-set.ts';
import type { FlowControl } from './flow-control.ts';
import { CollectedDataSet, IncomingDataSet, MAX_COLLECTED_LENGTH } from './incoming-data-set.ts';
import type { DataSetSink } from './incoming-data-set.ts';
import type {
  FinalResponse,
  Operation,
  PendingResponse,
  RequestHandlers,
  ResponseStream,
  ServedAssociation,
  SubOperations,
} from './operation.ts';

/** Requests that may wait for a place in the window before the peer is taken for broken. */
const MAX_WAITING = 16;

/** Longest ErrorComment: value representation LO (PS3.7 annex E). */
const MAX_COMMENT_LENGTH = 64;

/** Sends one response. */
export type Respond = (context: AcceptedContext, command: CommandSet, dataSet?: Uint8Array) => Promise<void>;

/** Parts of an association that serving its requests needs. */
export interface ProviderParts {
  association: ServedAssociation;
  handlers: RequestHandlers;
  flow: FlowControl;
  respond: Respond;
  /** Operations of the peer that run at once. */
  window: number;
  logger: Logger;
}

type Work = (operation: RunningOperation) => Promise<void>;

/** Serves the requests of the peer: runs handlers, at most `window` at once, and sends what they give. */
export class ServiceProvider {
  readonly #parts: ProviderParts;
  readonly #window: Semaphore;
  readonly #running = new Map<number, RunningOperation>();
  #heldBytes = 0;
  #onIdle: (() => void) | undefined;

  constructor(parts: ProviderParts) {
    this.#parts = parts;
    this.#window = new Semaphore(parts.window);
  }

  /** Requests that have no final response yet. */
  get operations(): number {
    return this.#running.size;
  }

  /** True while a handler works on a request that has arrived whole: silence of the peer is right then. */
  get working(): boolean {
    for (const operation of this.#running.values()) if (operation.received) return true;
    return false;
  }

  /** Takes a request; gives the sink for its data set. Throws `dimse.protocol` for what no request is. */
  begin(context: AcceptedContext, command: CommandSet): DataSetSink {
    if (command.MessageID === undefined) throw new CairnError('dimse.protocol', 'A request has no MessageID.');
    if (this.#running.size >= this.#parts.window + MAX_WAITING)
      throw new CairnError('dimse.protocol', 'The peer exceeds the operations window.');
    const operation = new RunningOperation(this.#parts.association, context, command);
    const refusal = this.#refusal(operation, command.MessageID);
    if (refusal !== undefined) return this.#refuse(operation, refusal);
    this.#running.set(command.MessageID, operation);
    return this.#serve(operation, command.MessageID);
  }

  /** C-CANCEL; one that comes too late is nothing (PS3.7 §9.3.2.3). */
  cancel(messageId: number): void {
    this.#running.get(messageId)?.cancel();
  }

  /** The association is over: all handlers are told. */
  end(error: CairnError): void {
    for (const operation of this.#running.values()) operation.end(error);
  }

  /** Resolves when no request is being served. */
  async idle(): Promise<void> {
    if (this.#running.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  #refusal({ command, context }: RunningOperation, messageId: number): Outcome | undefined {
    if (this.#running.has(messageId)) return { status: STATUS.duplicateInvocation };
    const sopClassUid = command.AffectedSOPClassUID ?? command.RequestedSOPClassUID;
    const isComposite = command.CommandField < COMMAND.eventReport;
    // Events are reported to the SCU, all else is asked of the SCP (PS3.7 §10.1.1).
    const hasRole = command.CommandField === COMMAND.eventReport ? context.scu : context.scp;
    if (!hasRole || (isComposite && sopClassUid !== context.abstractSyntaxUid)) return { status: STATUS.sopClassNotSupported };
    if (command.CommandField !== COMMAND.store || isToleratedUid(command.AffectedSOPInstanceUID ?? '')) return undefined;
    // Handlers may rely on it: what a peer names an instance is a UID, never a path or a script.
    return { status: STATUS.invalidInstance, errorComment: 'The Affected SOP Instance UID is no UID.', offendingElements: ['00001000'] };
  }

  /** Answered out of turn: what runs may take long. */
  #refuse(operation: RunningOperation, outcome: Outcome): DataSetSink {
    return new CollectedDataSet(0, () => void this.#caught(async () => await this.#respond(operation, outcome)));
  }

  #serve(operation: RunningOperation, messageId: number): DataSetSink {
    const { handlers } = this.#parts;
    const done = (): void => this.#done(messageId);
    switch (operation.command.CommandField) {
      case COMMAND.echo:
        return this.#collect(operation, async () => await this.#respond(operation, { status: STATUS.success }), done);
      case COMMAND.store:
        return this.#serveStore(operation, done);
      case COMMAND.find:
        return this.#serveStream(operation, handlers.onFind?.bind(handlers), done);
      case COMMAND.get:
        return this.#serveStream(operation, handlers.onGet?.bind(handlers), done);
      case COMMAND.move:
        return this.#serveStream(operation, handlers.onMove?.bind(handlers), done);
      default:
        return this.#serveNService(operation, done);
    }
  }

  #serveStore(operation: RunningOperation, done: () => void): DataSetSink {
    const { handlers, flow } = this.#parts;
    const dataSet = new IncomingDataSet(flow);
    const work = async (): Promise<void> => {
      void dataSet.finished().then(() => (operation.received = true));
      const outcome = handlers.onStore
        ? await this.#outcome(handlers.onStore(operation, dataSet))
        : { status: STATUS.unrecognizedOperation };
      dataSet.discard();
      await dataSet.finished();
      await this.#respond(operation, outcome);
    };
    void this.#run(operation, work).finally(done);
    return dataSet;
  }

  #serveStream(operation: RunningOperation, handler: RequestHandlers['onFind'], done: () => void): DataSetSink {
    const work = async (identifier: Buffer): Promise<void> => {
      if (!handler) return await this.#respond(operation, { status: STATUS.unrecognizedOperation });
      const responses = handler(operation, identifier);
      try {
        await this.#stream(operation, responses);
      } catch (error) {
        // The stream's own error, or the association is lost: then the stream is left where it is and must clean up.
        void responses.return({ status: STATUS.cancel }).catch(() => {});
        await this.#respond(operation, this.#outcomeOf(error));
      }
    };
    return this.#collect(operation, work, done);
  }

  #serveNService(operation: RunningOperation, done: () => void): DataSetSink {
    const { handlers } = this.#parts;
    const work = async (dataSet: Buffer): Promise<void> => {
      if (!handlers.onNService) return await this.#respond(operation, { status: STATUS.unrecognizedOperation });
      const response = await this.#outcome(handlers.onNService(operation, dataSet));
      await this.#respond(operation, response, 'dataSet' in response ? response.dataSet : undefined);
    };
    return this.#collect(operation, work, done);
  }

  /** Gathers the data set, then works. What all requests hold together is bounded. */
  #collect(operation: RunningOperation, work: (dataSet: Buffer) => Promise<void>, done: () => void = () => {}): DataSetSink {
    const sink = new CollectedDataSet(MAX_COLLECTED_LENGTH - this.#heldBytes, (dataSet) => {
      operation.received = true;
      this.#heldBytes += dataSet?.length ?? 0;
      const tooLong = async (): Promise<void> => await this.#respond(operation, { status: STATUS.outOfResources });
      void this.#run(operation, dataSet ? async () => await work(dataSet) : tooLong).finally(() => {
        this.#heldBytes -= dataSet?.length ?? 0;
        done();
      });
    });
    operation.signal.addEventListener('abort', () => {
      if (!operation.received) done();
    });
    return sink;
  }

  /** Runs `work` when the window allows. */
  async #run(operation: RunningOperation, work: Work): Promise<void> {
    await this.#caught(async () => await this.#window.run(async () => await work(operation)));
  }

  /** What serving throws is either a lost association or a fault of ours. */
  async #caught(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!CairnError.is(error)) this.#parts.logger.error({ err: error }, 'dimse.response-failed');
    }
  }

  #done(messageId: number): void {
    this.#running.delete(messageId);
    if (this.#running.size === 0) this.#onIdle?.();
  }

  async #stream(operation: RunningOperation, responses: ResponseStream): Promise<void> {
    for (;;) {
      const step = await operation.next(responses);
      if (step === 'cancelled') {
        void responses.return({ status: STATUS.cancel }).catch(() => {});
        return await this.#respond(operation, { status: STATUS.cancel });
      }
      if (step.done) return await this.#respond(operation, step.value, step.value.identifier);
      await this.#respond(operation, { ...step.value, status: step.value.status ?? STATUS.pending }, step.value.identifier);
    }
  }

  async #outcome<T extends Outcome>(work: Promise<T>): Promise<T | Outcome> {
    try {
      return await work;
    } catch (error) {
      return this.#outcomeOf(error);
    }
  }

  #outcomeOf(error: unknown): Outcome {
    if (!CairnError.is(error)) this.#parts.logger.error({ err: error }, 'dimse.handler-failed');
    return outcomeOfError(error);
  }

  async #respond(operation: RunningOperation, response: Outcome & (PendingResponse | FinalResponse), dataSet?: Uint8Array): Promise<void> {
    await this.#parts.respond(operation.context, responseCommand(operation.command, response), dataSet);
  }
}

/** A request under way. */
class RunningOperation implements Operation {
  readonly association: ServedAssociation;
  readonly context: AcceptedContext;
  readonly command: CommandSet;
  /** True once the whole request is here. */
  received = false;
  #cancelled = false;
  readonly #controller = new AbortController();
  #onCancel: (() => void) | undefined;

  constructor(association: ServedAssociation, context: AcceptedContext, command: CommandSet) {
    this.association = association;
    this.context = context;
    this.command = command;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get cancelled(): boolean {
    return this.#cancelled;
  }

  cancel(): void {
    this.#cancelled = true;
    this.#controller.abort(new CairnError('dimse.aborted', 'The operation was cancelled.'));
    this.#onCancel?.();
  }

  end(error: CairnError): void {
    this.#controller.abort(error);
    this.#onCancel?.();
  }

  /** The next response; for C-FIND `cancelled` as soon as the operation is, however long the handler takes. */
  next(responses: ResponseStream): Promise<IteratorResult<PendingResponse, FinalResponse> | 'cancelled'> {
    if (this.command.CommandField !== COMMAND.find) return responses.next();
    if (this.signal.aborted) return Promise.resolve('cancelled');
    return new Promise((resolve, reject) => {
      this.#onCancel = () => resolve('cancelled');
      responses.next().then(resolve, reject);
    });
  }
}

function responseCommand(request: CommandSet, response: Outcome & { subOperations?: SubOperations; sopInstanceUid?: string }): CommandSet {
  const command: CommandSet = { CommandField: request.CommandField | RESPONSE_BIT, Status: response.status };
  if (request.MessageID !== undefined) command.MessageIDBeingRespondedTo = request.MessageID;
  const sopClassUid = request.AffectedSOPClassUID ?? request.RequestedSOPClassUID;
  if (sopClassUid !== undefined) command.AffectedSOPClassUID = sopClassUid;
  const sopInstanceUid = response.sopInstanceUid ?? request.AffectedSOPInstanceUID ?? request.RequestedSOPInstanceUID;
  if (sopInstanceUid !== undefined) command.AffectedSOPInstanceUID = sopInstanceUid;
  if (request.EventTypeID !== undefined) command.EventTypeID = request.EventTypeID;
  if (request.ActionTypeID !== undefined) command.ActionTypeID = request.ActionTypeID;
  if (response.errorComment) command.ErrorComment = response.errorComment.replaceAll(/[^ -~]/g, '?').slice(0, MAX_COMMENT_LENGTH);
  if (response.offendingElements?.length) command.OffendingElement = response.offendingElements;
  return { ...command, ...counters(response.subOperations) };
}

function counters(counts: SubOperations | undefined): Partial<CommandSet> {
  if (!counts) return {};
  return {
    ...(counts.remaining === undefined ? {} : { NumberOfRemainingSuboperations: counts.remaining }),
    NumberOfCompletedSuboperations: counts.completed,
    NumberOfFailedSuboperations: counts.failed,
    NumberOfWarningSuboperations: counts.warning,
  };
}
