import { setTimeout as delay } from 'node:timers/promises';
import type { RunningServices } from '@cairn/services';
import { seededBytes } from '@cairn/testing';
import type { LinkState } from '@cairn/testing';
import type { LinkedServer, LinkedServers } from './services-on-links.ts';

/** Kills between two partitions. */
const KILLS_PER_PARTITION = 2;
const LONGEST_PAUSE_MS = 2000;
const LONGEST_DOWN_MS = 3000;
const SHORTEST_PARTITION_MS = 1000;
const LONGEST_PARTITION_MS = 4000;

const PARTITIONS: readonly LinkState[] = [
  { kind: 'open', latencyMs: 300 },
  { kind: 'reset' },
  { kind: 'stalled' },
  { kind: 'half-open', lost: 'requests' },
  { kind: 'half-open', lost: 'answers' },
];

/** Something that can be killed. */
interface Victim {
  name: string;
  kill(): Promise<void>;
  restart(): Promise<void>;
}

/** What {@link strike} did. */
export interface FaultReport {
  /** By victim: `kafka`, `indexer-1`. */
  kills: ReadonlyMap<string, number>;
  /** By link and what it did: `seaweedfs stalled`. */
  partitions: ReadonlyMap<string, number>;
}

/** How {@link strike} is called. */
export interface FaultOptions {
  seed: number;
  kills: number;
  /** A victim is gone; what is given back is called just before it is started again. */
  gone(this: void, victim: string): () => void;
}

/** Kills every service and every server, and breaks every link, one after another in an order and at moments that the seed gives. */
export async function strike(services: RunningServices, servers: LinkedServers, options: FaultOptions): Promise<FaultReport> {
  const chance = new Chance(options.seed);
  const links = Object.entries(servers) as [string, LinkedServer][];
  const kills = new Map<string, number>();
  const partitions = new Map<string, number>();
  const victims = rounds(chance, [...services.processes.map(victimOf), ...links.map(([, { server }]) => serverVictim(server))]);
  const cuts = rounds(
    chance,
    links.flatMap(([name, { link }]) => PARTITIONS.map((state) => ({ name, link, state }))),
  );
  for (let count = 0; count < options.kills; count++) {
    await delay(chance.upTo(LONGEST_PAUSE_MS));
    const victim = victims.next().value;
    await victim.kill();
    const comesBack = options.gone(victim.name);
    await delay(chance.upTo(LONGEST_DOWN_MS));
    comesBack();
    await victim.restart();
    add(kills, victim.name);
    if (count % KILLS_PER_PARTITION > 0) continue;
    const { name, link, state } = cuts.next().value;
    link.set(state);
    await delay(SHORTEST_PARTITION_MS + chance.upTo(LONGEST_PARTITION_MS - SHORTEST_PARTITION_MS));
    link.set({ kind: 'open' });
    add(partitions, `${name} ${JSON.stringify(state)}`);
  }
  return { kills, partitions };
}

/** Every element once in each round, each round in another order. */
function* rounds<T>(chance: Chance, elements: readonly T[]): Generator<T, never> {
  for (;;) yield* chance.shuffled(elements);
}

function victimOf(process_: RunningServices['processes'][number]): Victim {
  return { name: process_.name, kill: () => process_.kill(), restart: () => process_.restart() };
}

function serverVictim(server: LinkedServer['server']): Victim {
  return { name: server.name, kill: () => server.kill9(), restart: () => server.restart() };
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** Decisions that are the same for the same seed. */
class Chance {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(seed: number) {
    this.#bytes = seededBytes(seed, 64 * 1024);
  }

  /** From 0 up to and without `limit`. */
  upTo(limit: number): number {
    const value = this.#bytes.readUInt32LE(this.#at);
    this.#at = (this.#at + 4) % this.#bytes.length;
    return Math.floor((value / 2 ** 32) * limit);
  }

  shuffled<T>(elements: readonly T[]): T[] {
    const rest = [...elements];
    return elements.map(() => rest.splice(this.upTo(rest.length), 1)[0]!);
  }
}
