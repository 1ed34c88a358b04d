/** C-STORE load: one message at a time per association, each waiting for its response, as modalities send. */
import type { Phantom } from '../data/phantom.ts';
import { datasetBytes, NOISE } from '../data/phantom.ts';
import type { InstancePosition } from '../data/studies.ts';
import { slotValues, sopInstanceUid } from '../data/studies.ts';
import type { DicomAddress } from './association.ts';
import { Association } from './association.ts';
import { COMMAND, COMMAND_FIELD, contextId, dataPdu, decodeCommand, encodeCommand, PDATA_HEADER, PDV, writeDataHeader } from './pdu.ts';

const CONTEXT = contextId(0);
const BLOCK_BYTES = 1024 * 1024;

/** Result of a load. */
export interface StoreLoadResult {
  readonly seconds: number;
  readonly instances: number;
  readonly bytes: number;
}

/** What to send, over how many associations; `onStored` is called at each success response. */
export interface StoreLoad {
  readonly phantom: Phantom;
  readonly positions: readonly InstancePosition[];
  readonly associations: number;
  readonly onStored?: (position: InstancePosition) => void;
}

/** Opens the associations, then sends all instances and times from the first byte to the last response; any status but 0000 throws. */
export async function runStoreLoad(address: DicomAddress, load: StoreLoad): Promise<StoreLoadResult> {
  const senders = await Promise.all(
    Array.from({ length: load.associations }, async () => new StoreSender(await openFor(address, load.phantom), load.phantom)),
  );
  const queue = load.positions.values();
  const start = performance.now();
  await Promise.all(
    senders.map(async (sender) => {
      for (const position of queue) {
        await sender.store(position);
        load.onStored?.(position);
      }
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  for (const sender of senders) sender.close();
  return { seconds, instances: load.positions.length, bytes: load.positions.length * datasetBytes(load.phantom) };
}

function openFor(address: DicomAddress, phantom: Phantom): Promise<Association> {
  return Association.open(address, [{ abstractSyntax: phantom.sopClassUid }]);
}

/**
 * Sends instances of one phantom on one association. Only the command and the first PDU's head differ per instance; the PDUs that
 * follow carry noise and are laid out once.
 */
class StoreSender {
  readonly #association: Association;
  readonly #phantom: Phantom;
  readonly #firstNoise: Buffer;
  readonly #followingPdus: readonly Buffer[];
  #messageId = 0;
  #settle: { resolve: (status: number) => void; reject: (error: Error) => void } | undefined;

  constructor(association: Association, phantom: Phantom) {
    this.#association = association;
    this.#phantom = phantom;
    const capacity = association.maxPduBytes - 6;
    const firstNoiseBytes = Math.min(capacity - phantom.head.length, phantom.pixelBytes);
    this.#firstNoise = NOISE.subarray(0, firstNoiseBytes);
    this.#followingPdus = layOutNoise(phantom.pixelBytes - firstNoiseBytes, capacity);
    association.onPdu = (bytes) => this.#settle?.resolve(statusOf(bytes));
    association.onError = (error) => this.#settle?.reject(error);
  }

  async store(position: InstancePosition): Promise<void> {
    const answered = new Promise<number>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    await this.#association.write([this.#command(position), this.#firstPdu(position), this.#firstNoise, ...this.#followingPdus]);
    const status = await answered;
    if (status !== 0) throw new Error(`C-STORE answered with status ${status.toString(16).padStart(4, '0')}`);
  }

  close(): void {
    this.#settle = undefined;
    this.#association.close();
  }

  #command(position: InstancePosition): Buffer {
    this.#messageId = (this.#messageId % 0xffff) + 1;
    const command = encodeCommand({
      [COMMAND.affectedSopClassUid]: this.#phantom.sopClassUid,
      [COMMAND.commandField]: COMMAND_FIELD.cStoreRq,
      [COMMAND.messageId]: this.#messageId,
      [COMMAND.priority]: 0,
      [COMMAND.dataSetType]: 1,
      [COMMAND.affectedSopInstanceUid]: sopInstanceUid(position),
    });
    return dataPdu(command, CONTEXT, PDV.command | PDV.last);
  }

  /** Header of the first data PDU and the instance's own head; `#firstNoise` completes that PDU. */
  #firstPdu(position: InstancePosition): Buffer {
    const { head } = this.#phantom;
    const bytes = Buffer.allocUnsafe(PDATA_HEADER + head.length);
    writeDataHeader(bytes, head.length + this.#firstNoise.length, CONTEXT, this.#followingPdus.length === 0 ? PDV.last : 0);
    head.fill(slotValues(position), bytes, PDATA_HEADER);
    return bytes;
  }
}

/** PDUs for `length` bytes of noise, the full ones gathered into blocks of about 1 MiB that are shared. */
function layOutNoise(length: number, capacity: number): Buffer[] {
  if (length === 0) return [];
  const fullPdus = Math.ceil(length / capacity) - 1;
  const fullPdu = dataPdu(NOISE.subarray(0, capacity), CONTEXT, 0);
  const perBlock = Math.max(1, Math.floor(BLOCK_BYTES / fullPdu.length));
  const block = repeat(fullPdu, Math.min(perBlock, fullPdus));
  const blocks = Math.floor(fullPdus / perBlock);
  return [
    ...Array.from({ length: blocks }, () => block),
    block.subarray(0, (fullPdus - blocks * perBlock) * fullPdu.length),
    dataPdu(NOISE.subarray(0, length - fullPdus * capacity), CONTEXT, PDV.last),
  ];
}

function repeat(bytes: Buffer, count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => bytes));
}

/** Status (0000,0900) of the response command that a P-DATA-TF PDU holds. */
function statusOf(bytes: Buffer): number {
  return decodeCommand(bytes.subarray(PDATA_HEADER)).get(COMMAND.status)?.readUInt16LE() ?? 0xffff;
}
