import type { Collections } from '../collections.ts';

const SAMPLED_STUDIES = 1000;
const KEPT_MS = 10 * 60_000;

/** How often tokens are met in a sample of a tenant's studies, to ask the index for the rarest. */
export class TokenFrequencies {
  readonly #counts: ReadonlyMap<string, number>;

  constructor(counts: ReadonlyMap<string, number>) {
    this.#counts = counts;
  }

  /** The tokens, each once, the rarest first. */
  rarestFirst(tokens: readonly string[]): readonly string[] {
    return [...new Set(tokens)].toSorted((a, b) => (this.#counts.get(a) ?? 0) - (this.#counts.get(b) ?? 0));
  }
}

/** Frequencies by tenant, sampled anew from time to time. */
export class FrequencyTables {
  readonly #studies: Collections['studies'];
  readonly #tables = new Map<string, { at: number; table: Promise<TokenFrequencies> }>();

  constructor(studies: Collections['studies']) {
    this.#studies = studies;
  }

  /** The table of a tenant. */
  of(tenant: string): Promise<TokenFrequencies> {
    const known = this.#tables.get(tenant);
    if (known !== undefined && Date.now() - known.at < KEPT_MS) return known.table;
    const table = this.#sample(tenant);
    this.#tables.set(tenant, { at: Date.now(), table });
    table.catch(() => this.#tables.delete(tenant));
    return table;
  }

  async #sample(tenant: string): Promise<TokenFrequencies> {
    const options = { projection: { tokens: 1 }, sort: { order: 1 }, limit: SAMPLED_STUDIES } as const;
    const counts = new Map<string, number>();
    for (const { tokens = [] } of await this.#studies.find({ tenant, order: { $gt: '' } }, options).toArray()) {
      for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
    }
    return new TokenFrequencies(counts);
  }
}
