/**
 * Named points where a test kills or delays the process. Costs one comparison when nothing is armed.
 * Armed only by a composition root (`CAIRN_FAILPOINT` in test builds of the command line).
 */
let armed: { name: string; remaining: number; action: () => void } | undefined;

/** Arms one point: at its `hit`-th passing `action` runs (default: the process kills itself as by kill -9). */
export function armFailpoint(name: string, hit = 1, action: () => void = () => process.kill(process.pid, 'SIGKILL')): void {
  armed = { name, remaining: hit, action };
}

/** Disarms what {@link armFailpoint} armed. */
export function disarmFailpoint(): void {
  armed = undefined;
}

/** Marks a point of a durable path, for example `failpoint('object-store.after-fsync')`. */
export function failpoint(name: string): void {
  if (armed === undefined || armed.name !== name) return;
  armed.remaining -= 1;
  if (armed.remaining === 0) armed.action();
}
