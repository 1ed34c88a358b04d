import { CT_SLICE, TINY, TRANSFER_SYNTAX, aStudy, dataSetOffset, element } from '@cairn/testing';
import type { PhantomInstance, ScriptedConnection, StudySpec } from '@cairn/testing';
import type { Doors } from '../harness/archive.ts';
import { associate, rawStore } from '../harness/raw-dimse.ts';
import { stow } from '../harness/web.ts';
import type { Ledger } from './ledger.ts';

const SENDERS_BY_DIMSE = 3;
const SENDERS_BY_WEB = 2;
const CT_CONTEXT = ['1.2.840.10008.5.1.4.1.1.2', TRANSFER_SYNTAX.explicitLittleEndian] as const;

/** One thing to send. */
export interface Delivery {
  instance: PhantomInstance;
  file: Buffer;
}

/**
 * Sends studies by C-STORE and STOW-RS at once until `count` instances are acknowledged or the archive dies. Some are sent twice, some
 * again with other content. Every answer goes into the ledger. Resolves to the number of acknowledgements.
 */
export async function sendLoad(archive: Doors, ledger: Ledger, seed: number, count: number): Promise<number> {
  let acknowledged = 0;
  const more = (): boolean => acknowledged < count;
  const delivered = (delivery: Delivery): void => {
    ledger.acknowledge(delivery.instance, delivery.file);
    acknowledged += 1;
  };
  const senders = Array.from({ length: SENDERS_BY_DIMSE + SENDERS_BY_WEB }, (_, index) => {
    const deliveries = deliveriesOf(seed * 100 + index);
    return index < SENDERS_BY_DIMSE
      ? sendByDimse(archive, ledger, deliveries, delivered, more)
      : sendByWeb(archive, ledger, deliveries, delivered, more);
  });
  // A sender ends with an error when the archive is killed under it.
  await Promise.allSettled(senders);
  return acknowledged;
}

async function sendByDimse(
  archive: Doors,
  ledger: Ledger,
  deliveries: Iterable<Delivery>,
  delivered: (each: Delivery) => void,
  more: () => boolean,
): Promise<void> {
  const association = await associateForCt(archive);
  try {
    for (const delivery of deliveries) {
      if (!more()) return;
      ledger.sending(delivery.instance, delivery.file);
      if ((await storeOver(association, delivery)) === 0) delivered(delivery);
    }
  } finally {
    association.reset();
  }
}

async function sendByWeb(
  archive: Doors,
  ledger: Ledger,
  deliveries: Iterable<Delivery>,
  delivered: (each: Delivery) => void,
  more: () => boolean,
): Promise<void> {
  for (const delivery of deliveries) {
    if (!more()) return;
    ledger.sending(delivery.instance, delivery.file);
    const answer = await stow(archive, [delivery.file]);
    if (answer.status === 200) delivered(delivery);
  }
}

/** An association for what {@link deliveriesOf} gives. */
export function associateForCt(archive: Doors): Promise<ScriptedConnection> {
  return associate(archive.dicomPort, { contexts: [CT_CONTEXT] });
}

/** C-STORE; gives the status. No answer within `timeoutMs` → an error. */
export async function storeOver(association: ScriptedConnection, { instance, file }: Delivery, timeoutMs?: number): Promise<number> {
  const dataSet = file.subarray(dataSetOffset(file));
  return (await rawStore(association, instance.sopClassUid, instance.sopInstanceUid, dataSet, timeoutMs)).status;
}

/** An endless row of deliveries: small studies with now and then a big one, a repetition, a changed instance. */
export function* deliveriesOf(seed: number): Generator<Delivery> {
  for (let number = 0; ; number++) {
    const spec: StudySpec = { ...(number % 7 === 3 ? CT_SLICE : TINY), seed: seed * 1000 + number, instances: 6 };
    const { instances } = aStudy(spec);
    for (const instance of instances) yield { instance, file: instance.bytes() };
    yield { instance: instances[0]!, file: instances[0]!.bytes() };
    const changed = aStudy({ ...spec, elements: [element('00204000', 'LT', 'changed')] }).instances[1]!;
    yield { instance: changed, file: changed.bytes() };
  }
}
