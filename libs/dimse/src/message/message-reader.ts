import { protocolError, ABORT_REASON } from '../upper-layer/pdu.ts';
import { PDV_COMMAND, PDV_LAST } from '../upper-layer/pdu-reader.ts';
import { MAX_COMMAND_LENGTH, announcesDataSet, decodeCommandSet } from './command-set.ts';
import type { CommandSet } from './command-set.ts';
import type { DataSetSink } from './incoming-data-set.ts';
import type { CairnError } from '@cairn/core';

/** Called with each command as it is complete; gives the sink for the data set that follows, if one is announced. */
export type MessageHandler = (contextId: number, command: CommandSet, hasDataSet: boolean) => DataSetSink;

/**
 * Puts fragments together to messages (PS3.8 annex E): a command set, then, if announced, its data set in the same context.
 * Throws `dimse.protocol` for anything else.
 */
export class MessageReader {
  readonly #handle: MessageHandler;
  #command: Buffer[] = [];
  #commandLength = 0;
  #commandContext: number | undefined;
  #dataSet: { contextId: number; sink: DataSetSink } | undefined;

  constructor(handle: MessageHandler) {
    this.#handle = handle;
  }

  /** Bytes of one fragment. */
  fragment(contextId: number, flags: number, bytes: Uint8Array): void {
    if ((flags & PDV_COMMAND) === 0) {
      this.#expectedDataSet(contextId).push(bytes);
      return;
    }
    this.#expectCommand(contextId);
    this.#commandLength += bytes.length;
    if (this.#commandLength > MAX_COMMAND_LENGTH) throw protocolError('A command set is too long.');
    this.#command.push(Buffer.from(bytes));
  }

  /** The end of one fragment. */
  fragmentEnd(contextId: number, flags: number): void {
    if ((flags & PDV_COMMAND) === 0) {
      const sink = this.#expectedDataSet(contextId);
      if ((flags & PDV_LAST) === 0) return;
      this.#dataSet = undefined;
      sink.end();
      return;
    }
    this.#expectCommand(contextId);
    if (flags & PDV_LAST) this.#endCommand(contextId);
  }

  /** The association is over: a data set on its way is cut off. */
  fail(error: CairnError): void {
    this.#dataSet?.sink.fail(error);
    this.#dataSet = undefined;
  }

  #endCommand(contextId: number): void {
    const command = decodeCommandSet(Buffer.concat(this.#command));
    this.#command = [];
    this.#commandLength = 0;
    this.#commandContext = undefined;
    const hasDataSet = announcesDataSet(command);
    const sink = this.#handle(contextId, command, hasDataSet);
    if (hasDataSet) this.#dataSet = { contextId, sink };
    else sink.end();
  }

  #expectedDataSet(contextId: number): DataSetSink {
    if (this.#dataSet?.contextId === contextId) return this.#dataSet.sink;
    throw protocolError('A data set fragment came without its command.', ABORT_REASON.unexpectedParameter);
  }

  #expectCommand(contextId: number): void {
    this.#commandContext ??= contextId;
    if (this.#dataSet === undefined && this.#commandContext === contextId) return;
    throw protocolError('A command fragment came inside another message.', ABORT_REASON.unexpectedParameter);
  }
}
