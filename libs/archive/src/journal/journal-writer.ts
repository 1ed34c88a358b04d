import { systemScope } from '@cairn/core';
import type { Scope, UlidFactory } from '@cairn/core';
import type { JournalFact, MetadataStore } from '@cairn/metadata-store';
import type { ObjectStore } from '@cairn/object-store';
import { journalKey } from './journal-key.ts';

/** Facts of one object at most. */
const MAX_FACTS = 1000;

type WithoutUlid<Fact> = Fact extends JournalFact ? Omit<Fact, 'ulid'> : never;

/** A fact before it has its place in time. */
export type NewFact = WithoutUlid<JournalFact>;

/** What a {@link JournalWriter} works on. */
export interface JournalPorts {
  objectStore: ObjectStore;
  metadataStore: MetadataStore;
  /** The one factory of the process. */
  ulids: UlidFactory;
}

interface WaitingFact {
  tenant: string;
  fact: NewFact;
  resolve: (fact: JournalFact) => void;
  reject: (error: unknown) => void;
}

/**
 * Writes facts that no image holds. Facts of many callers that arrive while an object is being written share the next one.
 */
export class JournalWriter {
  readonly #ports: JournalPorts;
  #waiting: WaitingFact[] = [];
  #running: Promise<void> | undefined;

  constructor(ports: JournalPorts) {
    this.#ports = ports;
  }

  /** Writes a fact durably, applies it to the index, and only then resolves. A failure to apply is mended by the next reconciliation. */
  async record(scope: Scope, fact: NewFact, receipts: readonly string[]): Promise<JournalFact> {
    const written = await this.write(scope, fact, receipts);
    await this.#ports.metadataStore.applyFacts(scope, [written]);
    return written;
  }

  /**
   * Writes a fact durably without applying it; it gets a ULID greater than those of `receipts`, the receipts that it names.
   * Failures of the object store come as they are; the fact may then still have been written.
   */
  write(scope: Scope, fact: NewFact, receipts: readonly string[]): Promise<JournalFact> {
    for (const ulid of receipts) this.#ports.ulids.advancePast(ulid);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ tenant: scope.tenant, fact, resolve, reject });
      this.#running ??= this.#run().finally(() => (this.#running = undefined));
    });
  }

  /** Waits for facts under way. */
  async close(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const { tenant } = this.#waiting[0]!;
      const taken = this.#waiting.filter((waiting) => waiting.tenant === tenant).slice(0, MAX_FACTS);
      const isTaken = new Set(taken);
      this.#waiting = this.#waiting.filter((waiting) => !isTaken.has(waiting));
      await this.#writeObject(tenant, taken);
    }
  }

  async #writeObject(tenant: string, taken: readonly WaitingFact[]): Promise<void> {
    const facts = taken.map(({ fact }): JournalFact => ({ ...fact, ulid: this.#ports.ulids.next() }));
    const lines = facts.map((fact) => `${JSON.stringify(fact)}\n`).join('');
    try {
      await this.#ports.objectStore.put(systemScope(tenant), journalKey(tenant, facts[0]!.ulid), once(Buffer.from(lines)));
      taken.forEach(({ resolve }, index) => resolve(facts[index]!));
    } catch (error) {
      for (const { reject } of taken) reject(error);
    }
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
