import { ABORT_REASON, MAX_ASSOCIATE_LENGTH, PDU, PDU_HEADER_LENGTH } from './pdu.ts';

/** Flags of a PDV's message control header (PS3.8 annex E.2). */
export const PDV_COMMAND = 1;
export const PDV_LAST = 2;

/** Bytes before the fragment: 32-bit length, context id, message control header. */
const PDV_HEADER_LENGTH = 6;

/** Least and largest length of each PDU after its header, but for P-DATA-TF. */
const LENGTH_BOUNDS: Readonly<Record<number, readonly [least: number, largest: number]>> = {
  [PDU.associateRq]: [1, MAX_ASSOCIATE_LENGTH],
  [PDU.associateAc]: [1, MAX_ASSOCIATE_LENGTH],
  [PDU.associateRj]: [4, 4],
  [PDU.releaseRq]: [4, 4],
  [PDU.releaseRp]: [4, 4],
  [PDU.abort]: [4, 4],
};

/** Who is told what the reader finds. */
export interface PduSink {
  /** A whole PDU other than P-DATA-TF, without its header. */
  pdu(type: number, body: Buffer): void;
  /** A P-DATA-TF begins. */
  dataStart(): void;
  /** Bytes of a fragment: a view of the chunk that was pushed, never a copy. */
  fragment(contextId: number, flags: number, bytes: Uint8Array): void;
  /** The fragment is complete. */
  fragmentEnd(contextId: number, flags: number): void;
  /** The stream is no longer readable; `abortReason` is for the A-ABORT. Nothing follows. */
  invalid(abortReason: number): void;
}

/**
 * Cuts a byte stream in any chunking into PDUs (PS3.8 §9.3) and P-DATA-TFs into fragments. Nothing is allocated by a claimed
 * length: bodies of association PDUs are kept as the chunks that arrived, fragments are passed on as views.
 */
export class PduReader {
  readonly #sink: PduSink;
  readonly #maxDataLength: number;
  readonly #header = Buffer.alloc(PDU_HEADER_LENGTH);
  #headerFill = 0;
  #phase: 'header' | 'body' | 'pdv-header' | 'fragment' | 'stopped' = 'header';
  #type = 0;
  #pduLeft = 0;
  #body: Buffer[] = [];
  #fragmentLeft = 0;
  #contextId = 0;
  #flags = 0;

  /** @param maxDataLength - the largest P-DATA-TF taken, in bytes after the header */
  constructor(sink: PduSink, maxDataLength: number) {
    this.#sink = sink;
    this.#maxDataLength = maxDataLength;
  }

  /** Drops whatever is pushed from now on. */
  stop(): void {
    this.#phase = 'stopped';
    this.#body = [];
  }

  /** Reads one chunk of the stream. */
  push(chunk: Buffer): void {
    for (let offset = 0; offset < chunk.length && this.#phase !== 'stopped';) {
      const rest = offset === 0 ? chunk : chunk.subarray(offset);
      if (this.#phase === 'body') offset += this.#takeBody(rest);
      else if (this.#phase === 'fragment') offset += this.#takeFragment(rest);
      else offset += this.#takeHeader(rest);
    }
  }

  /** Both headers have six bytes. */
  #takeHeader(rest: Buffer): number {
    const taken = rest.copy(this.#header, this.#headerFill, 0, PDU_HEADER_LENGTH - this.#headerFill);
    this.#headerFill += taken;
    if (this.#headerFill < PDU_HEADER_LENGTH) return taken;
    this.#headerFill = 0;
    if (this.#phase === 'header') this.#beginPdu();
    else this.#beginFragment();
    return taken;
  }

  #beginPdu(): void {
    this.#type = this.#header[0]!;
    this.#pduLeft = this.#header.readUInt32BE(2);
    const fault = this.#lengthFault();
    if (fault !== undefined) this.#invalid(fault);
    else if (this.#type === PDU.dataTf) {
      this.#sink.dataStart();
      this.#next('pdv-header');
    } else this.#phase = 'body';
  }

  #lengthFault(): number | undefined {
    const bounds = this.#type === PDU.dataTf ? ([PDV_HEADER_LENGTH, this.#maxDataLength] as const) : LENGTH_BOUNDS[this.#type];
    if (!bounds) return ABORT_REASON.unrecognizedPdu;
    return this.#pduLeft < bounds[0] || this.#pduLeft > bounds[1] ? ABORT_REASON.invalidParameterValue : undefined;
  }

  #takeBody(rest: Buffer): number {
    const part = rest.subarray(0, this.#pduLeft);
    this.#body.push(part);
    this.#pduLeft -= part.length;
    if (this.#pduLeft > 0) return part.length;
    const body = this.#body.length === 1 ? this.#body[0]! : Buffer.concat(this.#body);
    this.#body = [];
    this.#phase = 'header';
    this.#sink.pdu(this.#type, body);
    return part.length;
  }

  #beginFragment(): void {
    const pdvLength = this.#header.readUInt32BE(0);
    this.#contextId = this.#header[4]!;
    this.#flags = this.#header[5]!;
    if (pdvLength < 2 || pdvLength + 4 > this.#pduLeft) {
      this.#invalid(ABORT_REASON.invalidParameterValue);
      return;
    }
    this.#pduLeft -= pdvLength + 4;
    this.#fragmentLeft = pdvLength - 2;
    this.#next('fragment');
    if (this.#fragmentLeft === 0) this.#endFragment();
  }

  #takeFragment(rest: Buffer): number {
    const part = rest.subarray(0, this.#fragmentLeft);
    this.#fragmentLeft -= part.length;
    this.#sink.fragment(this.#contextId, this.#flags, part);
    if (this.#fragmentLeft === 0) this.#endFragment();
    return part.length;
  }

  #endFragment(): void {
    const [contextId, flags] = [this.#contextId, this.#flags];
    if (this.#pduLeft > 0 && this.#pduLeft < PDV_HEADER_LENGTH) this.#invalid(ABORT_REASON.invalidParameterValue);
    else this.#next(this.#pduLeft > 0 ? 'pdv-header' : 'header');
    if (this.#phase !== 'stopped') this.#sink.fragmentEnd(contextId, flags);
  }

  /** A sink may have stopped the reader meanwhile. */
  #next(phase: 'header' | 'pdv-header' | 'fragment'): void {
    if (this.#phase !== 'stopped') this.#phase = phase;
  }

  #invalid(abortReason: number): void {
    this.stop();
    this.#sink.invalid(abortReason);
  }
}
