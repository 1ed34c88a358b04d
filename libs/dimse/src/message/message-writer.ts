import { Semaphore, recycleChunk } from '@cairn/core';
import { PDU } from '../upper-layer/pdu.ts';
import { PDV_COMMAND, PDV_LAST } from '../upper-layer/pdu-reader.ts';
import { NO_DATA_SET, encodeCommandSet } from './command-set.ts';
import type { CommandSet } from './command-set.ts';

/** A data set to send: bytes at once, or as they become available. */
export type OutgoingDataSet = Uint8Array | AsyncIterable<Uint8Array>;

/** Largest P-DATA-TF that we send even to a peer that takes more: what one write holds in memory. */
const MAX_SENT_PDU_LENGTH = 131_072;

/** PDV header and its length field, counted by a P-DATA-TF's length. */
const PDV_OVERHEAD = 6;

/** CommandDataSetType of a message with data set. */
const HAS_DATA_SET = 0x0001;

/** Writes bytes and waits for room; `onWritten` is called when the connection has taken the last of them, or failed. */
export type DataSender = (parts: readonly Uint8Array[], onWritten?: () => void) => Promise<void>;

/** Cuts messages into P-DATA-TFs, one fragment in each, and sends one message after the other. */
export class MessageWriter {
  readonly #send: DataSender;
  readonly #maxFragmentLength: number;
  /** Messages of several operations never mix (PS3.8 annex E.1). */
  readonly #turn = new Semaphore(1);

  /** @param peerMaxPduLength - largest P-DATA-TF that the peer takes, 0 for any */
  constructor(send: DataSender, peerMaxPduLength: number) {
    this.#send = send;
    const length = Math.min(peerMaxPduLength || MAX_SENT_PDU_LENGTH, MAX_SENT_PDU_LENGTH) - PDV_OVERHEAD;
    this.#maxFragmentLength = length - (length % 2);
  }

  /** Sends one message when its turn has come; resolves when the last bytes are handed to the connection. */
  async write(contextId: number, command: CommandSet, dataSet?: OutgoingDataSet): Promise<void> {
    await this.#turn.run(async () => {
      const bytes = encodeCommandSet({ ...command, CommandDataSetType: dataSet ? HAS_DATA_SET : NO_DATA_SET });
      if (dataSet instanceof Uint8Array) await this.#writeWhole(contextId, bytes, dataSet);
      else {
        await this.#writeFragments(contextId, PDV_COMMAND, whole(bytes));
        if (dataSet) await this.#writeFragments(contextId, 0, dataSet);
      }
    });
  }

  /** Command and short data set leave in one write. */
  async #writeWhole(contextId: number, command: Buffer, dataSet: Uint8Array): Promise<void> {
    const fits = command.length <= this.#maxFragmentLength && dataSet.length <= this.#maxFragmentLength;
    if (fits) {
      const parts = [pduHeader(contextId, PDV_COMMAND | PDV_LAST, command.length), command];
      await this.#send([...parts, pduHeader(contextId, PDV_LAST, dataSet.length), dataSet]);
      return;
    }
    await this.#writeFragments(contextId, PDV_COMMAND, whole(command));
    await this.#writeFragments(contextId, 0, whole(dataSet));
  }

  /**
   * Gathers chunks to full fragments without copying; the last one is held back until the end is known, to carry the flag. A chunk
   * is handed back (recycleChunk) when its last byte has left.
   */
  async #writeFragments(contextId: number, kind: number, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    let parts: Uint8Array[] = [];
    let length = 0;
    let usedUp: Uint8Array[] = [];
    const send = async (flags: number): Promise<void> => {
      const done = usedUp;
      await this.#send([pduHeader(contextId, flags, length), ...parts], done.length === 0 ? undefined : () => done.forEach(recycleChunk));
      parts = [];
      length = 0;
      usedUp = [];
    };
    for await (const chunk of chunks) {
      for (let offset = 0; offset < chunk.length;) {
        if (length === this.#maxFragmentLength) await send(kind);
        const part = chunk.subarray(offset, offset + this.#maxFragmentLength - length);
        parts.push(part);
        length += part.length;
        offset += part.length;
      }
      usedUp.push(chunk);
    }
    await send(kind | PDV_LAST);
  }
}

function whole(bytes: Uint8Array): Iterable<Uint8Array> {
  return [bytes];
}

/** Headers of a P-DATA-TF and of its one PDV. */
function pduHeader(contextId: number, flags: number, fragmentLength: number): Buffer {
  const header = Buffer.allocUnsafe(12);
  header[0] = PDU.dataTf;
  header[1] = 0;
  header.writeUInt32BE(fragmentLength + PDV_OVERHEAD, 2);
  header.writeUInt32BE(fragmentLength + 2, 6);
  header[10] = contextId;
  header[11] = flags;
  return header;
}
