import { CairnError } from '@cairn/core';
import type { Scope } from '@cairn/core';
import type { InstanceReceiver, ReceiveOutcome, ReceiveRequest } from '@cairn/archive';

/** A call that a {@link FakeReceiver} got. */
export interface ReceivedCall {
  scope: Scope;
  request: ReceiveRequest;
  bytes: Buffer;
}

/**
 * Takes bodies of the form `<study>/<series>/<instance>`; a body that starts with `bad` is refused after its first chunk, `full`
 * finds no space, `fault` breaks the receiver.
 */
export class FakeReceiver implements InstanceReceiver {
  readonly calls: ReceivedCall[] = [];
  /** Bodies that are being read. */
  reading = 0;
  /** Receipts that were read and await {@link release}. */
  waiting = 0;
  /** The most receipts that awaited their commit at once. */
  mostWaiting = 0;
  #hold = false;
  #releases: (() => void)[] = [];

  /** From now on commits wait for {@link release}. */
  hold(): void {
    this.#hold = true;
  }

  /** Ends {@link hold} and every commit that waits. */
  release(): void {
    this.#hold = false;
    for (const release of this.#releases.splice(0)) release();
  }

  async receive(scope: Scope, request: ReceiveRequest, source: AsyncIterable<Uint8Array>): Promise<ReceiveOutcome> {
    const bytes = await this.#read(source);
    if (bytes === undefined) return { kind: 'refused', error: new CairnError('dicom.not-dicom', 'Not DICOM.'), sopInstanceUid: '9.9' };
    const text = bytes.toString('latin1');
    if (text === 'full') throw new CairnError('object-store.full', 'No space left.', { retriable: true });
    if (text === 'fault') throw new TypeError('PATIENT^NAME');
    const [study = '', series = '', instance = ''] = text.split('/');
    const announced = request.announced?.studyInstanceUid;
    if (announced !== undefined && announced !== study) {
      return {
        kind: 'refused',
        error: new CairnError('archive.study-mismatch', 'Another study.'),
        sopClassUid: '1.5',
        sopInstanceUid: instance,
      };
    }
    await this.#commit();
    this.calls.push({ scope, request, bytes });
    return {
      kind: 'stored',
      instance: {
        ulid: '',
        studyInstanceUid: study,
        seriesInstanceUid: series,
        sopInstanceUid: instance,
        sopClassUid: '1.5',
        transferSyntaxUid: request.transferSyntaxUid ?? '1.2.840.10008.1.2.1',
        sizeBytes: bytes.length,
        warnings: [],
      },
    };
  }

  /** Undefined for bytes that are refused at their start. */
  async #read(source: AsyncIterable<Uint8Array>): Promise<Buffer | undefined> {
    const chunks: Uint8Array[] = [];
    this.reading++;
    try {
      for await (const chunk of source) {
        chunks.push(chunk);
        if (Buffer.from(chunk).toString('latin1', 0, 3) === 'bad') return undefined;
      }
      return Buffer.concat(chunks);
    } finally {
      this.reading--;
    }
  }

  async #commit(): Promise<void> {
    this.waiting++;
    this.mostWaiting = Math.max(this.mostWaiting, this.waiting);
    if (this.#hold) await new Promise<void>((resolve) => this.#releases.push(resolve));
    this.waiting--;
  }
}
