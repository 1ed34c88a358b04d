/** What the bench measures, and the two ways in which it does. */
import { spawnSync } from 'node:child_process';
import { backFreeMemory } from './servers/backed-memory.ts';
import type { Parts, Server, Usage } from './servers/server.ts';
import { median } from './statistics.ts';

/** Units of a measurement; of `ms` less is better, of rates more. */
type Unit = 'inst/s' | 'MB/s' | 'req/s' | 'inst/CPU s' | 'req/CPU s' | 'ms';

/** Names a measurement: `key` is stable over runs, `label` is for people. */
export interface About {
  readonly key: string;
  readonly label: string;
  readonly unit: Unit;
}

/** What a figure cost the server. */
export interface Cost {
  /** CPU, work after the answer included: seconds a GB for transfers, milliseconds a request else. */
  readonly cpu?: number;
  /** Highest resident memory above that of the idle server, in MiB. */
  readonly memoryMib?: number;
}

/** One figure of one server; the infrastructure that it brings is counted apart. */
export interface Measurement extends About, Cost {
  /** One value a round; the figure is their median. */
  readonly rounds: readonly number[];
  readonly infra?: Cost;
}

/** What one round of a transfer moved, in how many seconds. */
export interface Transfer {
  readonly seconds: number;
  readonly instances: number;
  readonly bytes: number;
}

/**
 * Times `rounds` rounds of a transfer after one that is not counted; each starts with dirty pages written back, an idle server and
 * free memory that the host has backed.
 */
export async function measureTransfer(
  server: Server,
  about: About,
  rounds: number,
  transfer: () => Promise<Transfer>,
): Promise<Measurement> {
  const rates: number[] = [];
  const costs: CpuPer[] = [];
  server.resetPeakRss();
  const expectedBytes = rounds > 1 ? (await transfer()).bytes : 0;
  for (let round = 0; round < rounds; round++) {
    spawnSync('sync');
    await server.untilIdle();
    await backFreeMemory(2 * expectedBytes); // for the page cache and the server's buffers
    const before = server.usage();
    const { seconds, instances, bytes } = await transfer();
    await server.untilIdle();
    rates.push(rateOf(about.unit, seconds, instances, bytes));
    costs.push(cpuBetween(before, server.usage(), bytes / 1e9));
  }
  return { ...about, rounds: rates, ...costOf(server, costs) };
}

/** CPU of the server and of its infrastructure, a unit of work. */
export type CpuPer = Parts<number>;

/** CPU seconds between two readings, a unit of `work`. */
export function cpuBetween(before: Parts<Usage>, after: Parts<Usage>, work: number): CpuPer {
  const infra = before.infra && after.infra ? { infra: (after.infra.cpuSeconds - before.infra.cpuSeconds) / work } : {};
  return { own: (after.own.cpuSeconds - before.own.cpuSeconds) / work, ...infra };
}

/** The cost of a measurement: the median of its rounds' CPU, and the peak of memory since the last reset. */
export function costOf(server: Server, rounds: readonly CpuPer[]): Cost & { infra?: Cost } {
  const { own, infra } = server.usage();
  const cost = { cpu: median(rounds.map((cpu) => cpu.own)), memoryMib: own.peakMib - server.idleMib.own };
  if (infra === undefined) return cost;
  const cpu = median(rounds.map((round) => round.infra ?? 0));
  return { ...cost, infra: { cpu, memoryMib: infra.peakMib - (server.idleMib.infra ?? 0) } };
}

function rateOf(unit: Unit, seconds: number, instances: number, bytes: number): number {
  if (unit === 'ms') return seconds * 1000;
  return unit === 'inst/s' ? instances / seconds : bytes / 1e6 / seconds;
}

/** Ends a round of requests at whichever comes first. */
export interface RequestLimits {
  readonly rounds: number;
  readonly requests: number;
  readonly milliseconds: number;
}

/** Repeats a request on one connection, the first round uncounted; a round's value is the median of its latencies, in ms as `request` gives them. */
export async function measureRequests(
  server: Server,
  about: About,
  limits: RequestLimits,
  request: (index: number) => Promise<number>,
): Promise<Measurement> {
  const rounds: number[] = [];
  let sent = 0;
  const runRound = async (): Promise<number> => {
    const latencies: number[] = [];
    const end = performance.now() + limits.milliseconds;
    do latencies.push(await request(sent++));
    while (latencies.length < limits.requests && performance.now() < end);
    return median(latencies);
  };
  await runRound();
  server.resetPeakRss();
  const before = server.usage();
  const sentBefore = sent;
  for (let round = 0; round < limits.rounds; round++) rounds.push(await runRound());
  const cpu = cpuBetween(before, server.usage(), (sent - sentBefore) / 1000);
  return { ...about, rounds, ...costOf(server, [cpu]) };
}
