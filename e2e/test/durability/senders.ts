import { setTimeout as delay } from 'node:timers/promises';
import type { ScriptedConnection } from '@cairn/testing';
import type { Doors } from '../harness/archive.ts';
import { stow } from '../harness/web.ts';
import type { Ledger } from './ledger.ts';
import { associateForCt, deliveriesOf, storeOver } from './load.ts';
import type { Delivery } from './load.ts';

const SENDERS_BY_DIMSE = 5;
const SENDERS_BY_WEB = 3;
/** Longer than any outage of a test: a sender that gave up too early would send the same instance twice at once. */
const ANSWER_WITHIN_MS = 120_000;
/** Before an instance is sent again. */
const RETRY_MS = 300;

/** One way in. */
interface Sender {
  /** Gives undefined for success, else what was answered. */
  send(delivery: Delivery): Promise<string | undefined>;
  close(): void;
}

/** Eight senders that do not tire: what was not acknowledged they send again, over a new connection if need be, until they are stopped. */
export class Senders {
  /** Instances acknowledged, repetitions included. */
  acknowledged = 0;
  /** How often one instance had to be sent, at most. */
  mostAttempts = 0;
  /** Answers other than success, by kind: `C-STORE a700`, `STOW-RS 503`, `… without an answer`. */
  readonly refusals = new Map<string, number>();
  readonly #ledger: Ledger;
  readonly #pauseMs: number;
  readonly #running: Promise<unknown>;
  #stopped = false;

  /** @param pauseMs - of each sender after every instance */
  constructor(archive: Doors, { ledger, seed, pauseMs }: { ledger: Ledger; seed: number; pauseMs: number }) {
    this.#ledger = ledger;
    this.#pauseMs = pauseMs;
    const senders = Array.from({ length: SENDERS_BY_DIMSE + SENDERS_BY_WEB }, (_, index) =>
      this.#run(deliveriesOf(seed * 100 + index), index < SENDERS_BY_DIMSE ? new DimseSender(archive) : webSender(archive)),
    );
    this.#running = Promise.all(senders);
  }

  /** Ends each after the instance under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(deliveries: Iterable<Delivery>, sender: Sender): Promise<void> {
    for (const delivery of deliveries) {
      for (let attempt = 1; !this.#stopped; attempt++) {
        this.mostAttempts = Math.max(this.mostAttempts, attempt);
        if (await this.#attempt(delivery, sender)) break;
        await delay(RETRY_MS);
      }
      if (this.#stopped) break;
      await delay(this.#pauseMs);
    }
    sender.close();
  }

  async #attempt(delivery: Delivery, sender: Sender): Promise<boolean> {
    this.#ledger.sending(delivery.instance, delivery.file);
    const refusal = await sender.send(delivery);
    if (refusal === undefined) {
      this.#ledger.acknowledge(delivery.instance, delivery.file);
      this.acknowledged += 1;
    } else this.refusals.set(refusal, (this.refusals.get(refusal) ?? 0) + 1);
    return refusal === undefined;
  }
}

/** Keeps its association for as long as that lives. */
class DimseSender implements Sender {
  readonly #archive: Doors;
  #association: ScriptedConnection | undefined;

  constructor(archive: Doors) {
    this.#archive = archive;
  }

  async send(delivery: Delivery): Promise<string | undefined> {
    try {
      this.#association ??= await associateForCt(this.#archive);
      const status = await storeOver(this.#association, delivery, ANSWER_WITHIN_MS);
      return status === 0 ? undefined : `C-STORE ${status.toString(16)}`;
    } catch {
      this.close();
      return 'C-STORE without an answer';
    }
  }

  close(): void {
    this.#association?.reset();
    this.#association = undefined;
  }
}

function webSender(archive: Doors): Sender {
  return {
    send: async ({ file }) => {
      try {
        const { status } = await stow(archive, [file]);
        return status === 200 ? undefined : `STOW-RS ${status}`;
      } catch {
        return 'STOW-RS without an answer';
      }
    },
    close: () => undefined,
  };
}
