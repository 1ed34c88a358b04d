/** What the bench measures, and the two ways in which it does. */
import { spawnSync } from 'node:child_process';
import { backFreeMemory } from './servers/backed-memory.ts';
import type { Server } from './servers/server.ts';
import { median } from './statistics.ts';

/** Units of a measurement; of `ms` less is better, of rates more. */
type Unit = 'inst/s' | 'MB/s' | 'ms';

/** Names a measurement: `key` is stable over runs, `label` is for people. */
export interface About {
  readonly key: string;
  readonly label: string;
  readonly unit: Unit;
}

/** One figure of one server. */
export interface Measurement extends About {
  /** One value a round; the figure is their median. */
  readonly rounds: readonly number[];
  /** Server CPU, work after the answer included: seconds a GB for transfers, milliseconds a request else. */
  readonly cpu?: number;
  /** Highest resident memory above that of the idle server, in MiB. */
  readonly memoryMib?: number;
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
  const cpu: number[] = [];
  server.resetPeakRss();
  const expectedBytes = rounds > 1 ? (await transfer()).bytes : 0;
  for (let round = 0; round < rounds; round++) {
    spawnSync('sync');
    await server.untilIdle();
    await backFreeMemory(2 * expectedBytes); // for the page cache and the server's buffers
    const cpuBefore = server.cpuSeconds();
    const { seconds, instances, bytes } = await transfer();
    await server.untilIdle();
    rates.push(rateOf(about.unit, seconds, instances, bytes));
    cpu.push((server.cpuSeconds() - cpuBefore) / (bytes / 1e9));
  }
  return { ...about, rounds: rates, cpu: median(cpu), memoryMib: server.peakRssMib() - server.idleRssMib };
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
  const cpuBefore = server.cpuSeconds();
  const sentBefore = sent;
  for (let round = 0; round < limits.rounds; round++) rounds.push(await runRound());
  const cpu = ((server.cpuSeconds() - cpuBefore) / (sent - sentBefore)) * 1000;
  return { ...about, rounds, cpu, memoryMib: server.peakRssMib() - server.idleRssMib };
}
