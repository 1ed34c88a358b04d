/** C-FIND and C-GET from the requestor's side; what arrives is counted and dropped. */
import type { ElementSpec } from '@cairn/testing';
import { writeDataSet } from '@cairn/testing';
import type { DicomAddress } from './association.ts';
import { Association } from './association.ts';
import { COMMAND, COMMAND_FIELD, contextId, dataPdu, decodeCommand, encodeCommand, NO_DATA_SET, PDV } from './pdu.ts';

const STUDY_ROOT_FIND = '1.2.840.10008.5.1.4.1.2.2.1';
const STUDY_ROOT_GET = '1.2.840.10008.5.1.4.1.2.2.3';

/** Answers (C-FIND) or stored instances (C-GET), and the bytes of their data sets. */
export interface QueryResult {
  readonly count: number;
  readonly bytes: number;
}

/** Opens an association for C-FIND in the Study Root model, to be used for many queries. */
export function openFind(address: DicomAddress): Promise<Association> {
  return Association.open(address, [{ abstractSyntax: STUDY_ROOT_FIND }]);
}

/** Opens an association for C-GET, with the SCP role for instances of `sopClassUid`. */
export function openGet(address: DicomAddress, sopClassUid: string): Promise<Association> {
  return Association.open(address, [{ abstractSyntax: STUDY_ROOT_GET }, { abstractSyntax: sopClassUid, asScp: true }]);
}

/** Runs one C-FIND on an open association; throws on a final status other than 0000. */
export function find(association: Association, identifier: readonly ElementSpec[]): Promise<QueryResult> {
  return query(association, COMMAND_FIELD.cFindRq, STUDY_ROOT_FIND, identifier);
}

/** Runs one C-GET on an open association, answering every C-STORE sub-operation with Success. */
export function get(association: Association, identifier: readonly ElementSpec[]): Promise<QueryResult> {
  return query(association, COMMAND_FIELD.cGetRq, STUDY_ROOT_GET, identifier);
}

async function query(association: Association, field: number, model: string, identifier: readonly ElementSpec[]): Promise<QueryResult> {
  const command = encodeCommand({
    [COMMAND.affectedSopClassUid]: model,
    [COMMAND.commandField]: field,
    [COMMAND.messageId]: 1,
    [COMMAND.priority]: 0,
    [COMMAND.dataSetType]: 1,
  });
  const finished = new Promise<QueryResult>((resolve, reject) => {
    const receiver = new Receiver((bytes) => void association.write([bytes]), resolve, reject);
    association.onPdu = (bytes) => receiver.push(bytes);
    association.onError = reject;
  });
  const context = contextId(0);
  await association.write([
    dataPdu(command, context, PDV.command | PDV.last),
    dataPdu(writeDataSet({ elements: identifier }), context, PDV.last),
  ]);
  return await finished;
}

/** Follows the messages of one query until its final response. */
class Receiver {
  readonly #send: (bytes: Buffer) => void;
  readonly #resolve: (result: QueryResult) => void;
  readonly #reject: (error: Error) => void;
  #commandParts: Buffer[] = [];
  /** Sub-operation whose data set is arriving. */
  #store: Map<number, Buffer> | undefined;
  #count = 0;
  #bytes = 0;

  constructor(send: (bytes: Buffer) => void, resolve: (result: QueryResult) => void, reject: (error: Error) => void) {
    this.#send = send;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Takes one P-DATA-TF PDU, which may hold several PDVs (PS3.8 §9.3.5). */
  push(pdu: Buffer): void {
    for (let at = 6; at + 6 <= pdu.length;) {
      const end = at + 4 + pdu.readUInt32BE(at);
      this.#pdv(pdu[at + 4] ?? 0, pdu[at + 5] ?? 0, pdu.subarray(at + 6, end));
      at = end;
    }
  }

  #pdv(context: number, control: number, payload: Buffer): void {
    const last = (control & PDV.last) !== 0;
    if ((control & PDV.command) !== 0) {
      this.#commandParts.push(Buffer.from(payload));
      if (last) this.#command();
      return;
    }
    this.#bytes += payload.length;
    if (!last) return;
    this.#count++;
    if (this.#store) this.#answerStore(context, this.#store);
    this.#store = undefined;
  }

  #command(): void {
    const command = decodeCommand(Buffer.concat(this.#commandParts));
    this.#commandParts = [];
    if (numberOf(command, COMMAND.commandField) === COMMAND_FIELD.cStoreRq) {
      this.#store = command;
      return;
    }
    const status = numberOf(command, COMMAND.status);
    if (status === 0xff00 || status === 0xff01) return;
    if (status === 0) this.#resolve({ count: this.#count, bytes: this.#bytes });
    else this.#reject(new Error(`final status ${status.toString(16).padStart(4, '0')}`));
  }

  #answerStore(context: number, request: Map<number, Buffer>): void {
    const uid = (number: number): string => request.get(number)?.toString('latin1') ?? '';
    const response = encodeCommand({
      [COMMAND.affectedSopClassUid]: uid(COMMAND.affectedSopClassUid),
      [COMMAND.commandField]: COMMAND_FIELD.cStoreRsp,
      [COMMAND.messageIdBeingRespondedTo]: numberOf(request, COMMAND.messageId),
      [COMMAND.dataSetType]: NO_DATA_SET,
      [COMMAND.status]: 0,
      [COMMAND.affectedSopInstanceUid]: uid(COMMAND.affectedSopInstanceUid),
    });
    this.#send(dataPdu(response, context, PDV.command | PDV.last));
  }
}

function numberOf(command: Map<number, Buffer>, element: number): number {
  return command.get(element)?.readUInt16LE() ?? -1;
}
