/** A requestor's association on a raw socket: writes ready PDUs and splits what comes back into PDUs. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { Accepted, ProposedContext } from './pdu.ts';
import { contextId, decodeAssociateAc, encodeAssociateRq, PDU_TYPE, RELEASE_RQ } from './pdu.ts';

const PDU_HEADER = 6;

/** The longest PDU that this side takes in and, whatever the peer allows, sends: the usual upper end among DICOM toolkits. */
const MAX_PDU_BYTES = 131_072;

/** Where a server listens for DICOM. */
export interface DicomAddress {
  readonly port: number;
  readonly aeTitle: string;
}

/** One open association. `onPdu` is called for every PDU after the negotiation; its bytes are valid only during the call. */
export class Association {
  /** Bytes of the longest PDU to send, without its 6-byte header. */
  readonly maxPduBytes: number;
  onPdu: (bytes: Buffer) => void = () => undefined;
  onError: (error: Error) => void = () => undefined;
  readonly #socket: Socket;
  #released = false;

  private constructor(socket: Socket, accepted: Accepted, splitter: PduSplitter) {
    this.#socket = socket;
    this.maxPduBytes = Math.min(accepted.maxPduBytes || MAX_PDU_BYTES, MAX_PDU_BYTES);
    splitter.onPdu = (bytes) => this.onPdu(bytes);
    socket.on('error', (error) => this.onError(error));
    socket.on('close', () => {
      if (!this.#released) this.onError(new Error('the server closed the association'));
    });
  }

  /** Connects and negotiates; throws when the association or any context is refused. */
  static async open(address: DicomAddress, contexts: readonly ProposedContext[]): Promise<Association> {
    const socket = connect({ port: address.port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    const splitter = new PduSplitter();
    socket.on('data', (chunk) => splitter.push(chunk));
    const answer = await new Promise<Buffer>((resolve, reject) => {
      splitter.onPdu = (bytes) => resolve(Buffer.from(bytes));
      socket.once('error', reject);
      socket.write(encodeAssociateRq(address.aeTitle, contexts, MAX_PDU_BYTES));
    });
    if (answer[0] !== PDU_TYPE.associateAc) throw new Error(`association refused with PDU type ${answer[0]}`);
    const accepted = decodeAssociateAc(answer);
    const refused = contexts.find((_, index) => accepted.results.get(contextId(index)) !== 0);
    if (refused) throw new Error(`presentation context refused: ${refused.abstractSyntax}`);
    return new Association(socket, accepted, splitter);
  }

  /** Writes all buffers with one system call where possible and waits for the socket's buffer to empty when it is full. */
  async write(buffers: Iterable<Buffer>): Promise<void> {
    const socket = this.#socket;
    socket.cork();
    let corkedBytes = 0;
    for (const buffer of buffers) {
      socket.write(buffer);
      corkedBytes += buffer.length;
      if (corkedBytes < 4 * 1024 * 1024) continue;
      socket.uncork();
      if (socket.writableNeedDrain) await once(socket, 'drain');
      socket.cork();
      corkedBytes = 0;
    }
    socket.uncork();
  }

  /** Sends A-RELEASE-RQ and ends the connection. */
  close(): void {
    this.#released = true;
    this.#socket.end(RELEASE_RQ);
    this.#socket.resume();
  }
}

/** Cuts a byte stream into PDUs; only a PDU that spans chunks is copied. */
class PduSplitter {
  onPdu: (bytes: Buffer) => void = () => undefined;
  #partial = Buffer.alloc(MAX_PDU_BYTES + PDU_HEADER);
  #filled = 0;

  push(chunk: Buffer): void {
    let at = 0;
    if (this.#filled > 0) at = this.#complete(chunk);
    while (this.#filled === 0 && at < chunk.length) {
      const length = pduLength(chunk, at, chunk.length);
      if (length === undefined || at + length > chunk.length) {
        this.#filled = chunk.copy(this.#partial, 0, at);
        return;
      }
      this.onPdu(chunk.subarray(at, at + length));
      at += length;
    }
  }

  /** Adds to the PDU begun by an earlier chunk; returns how much of this one it took. */
  #complete(chunk: Buffer): number {
    let taken = 0;
    if (this.#filled < PDU_HEADER) taken = this.#append(chunk, 0, PDU_HEADER - this.#filled);
    const length = pduLength(this.#partial, 0, this.#filled);
    if (length === undefined) return taken;
    taken += this.#append(chunk, taken, length - this.#filled);
    if (this.#filled < length) return taken;
    this.#filled = 0;
    this.onPdu(this.#partial.subarray(0, length));
    return taken;
  }

  #append(chunk: Buffer, from: number, count: number): number {
    const copied = chunk.copy(this.#partial, this.#filled, from, from + count);
    this.#filled += copied;
    return copied;
  }
}

function pduLength(bytes: Buffer, at: number, end: number): number | undefined {
  return end - at < PDU_HEADER ? undefined : bytes.readUInt32BE(at + 2) + PDU_HEADER;
}
