import type { ServiceName } from './replicas.ts';
import type { ServiceProcess } from './service-process.ts';

/** Hands out the running replicas of services in turn. */
export class RoundRobin {
  readonly #processes: readonly ServiceProcess[];
  #turn = 0;

  constructor(processes: readonly ServiceProcess[]) {
    this.#processes = processes;
  }

  /** All running replicas of a service, the one whose turn it is first. */
  order(service: ServiceName): ServiceProcess[] {
    const running = this.#processes.filter((process_) => process_.service === service && process_.isRunning);
    if (running.length === 0) return [];
    const first = this.#turn++ % running.length;
    return [...running.slice(first), ...running.slice(0, first)];
  }
}
