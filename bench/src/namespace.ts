/**
 * Debian's Orthanc listens on every interface of the machine. Everything therefore runs in a network namespace of its own in which
 * only loopback is up; both servers and the load generators are in it, so that conditions are equal.
 */
import { spawnSync } from 'node:child_process';

const MARK = 'BENCH_ISOLATED';

/** True inside the namespace. */
export function isIsolated(): boolean {
  return process.env[MARK] === '1';
}

/** Runs this program again inside a new namespace and returns its exit code; undefined where the system allows no namespace. */
export function runIsolated(): number | undefined {
  const unshare = ['--net', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])];
  if (spawnSync('unshare', [...unshare, 'ip', 'link', 'set', 'lo', 'up']).status !== 0) return undefined;
  const script = 'ip link set lo up && exec "$0" "$@"';
  const program = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const run = spawnSync('unshare', [...unshare, 'sh', '-c', script, ...program], {
    stdio: 'inherit',
    env: { ...process.env, [MARK]: '1' },
  });
  return run.status ?? 1;
}
