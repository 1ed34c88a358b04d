/**
 * Fetches the independent programs that the end-to-end tests talk to: DCMTK from the distribution, Python clients from PyPI. They
 * live outside the repository, in CAIRN_CACHE (default ~/.cache/cairn). What cannot be had is reported, not thrown.
 */
import { execFile } from 'node:child_process';
import { access, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const LOCK_WAIT_MS = 10 * 60_000;

/** Exact versions; numpy is there only because dicomweb-client needs it. */
const PYTHON_PACKAGES = { pynetdicom: '3.0.4', pydicom: '3.0.2', 'dicomweb-client': '0.61.2', dicomply: '0.0.1' };
const DCMTK_TOOLS = ['echoscu', 'storescu', 'findscu', 'getscu', 'movescu', 'storescp', 'dcm2json'];

/**
 * What each peer is: `present` with the path that runs it, `missing` with a reason (a failure where CI=true), or `gone` when its
 * registry no longer serves the pinned version (skipped everywhere).
 *
 * @typedef {{ state: 'present', version: string, path: string } | { state: 'missing' | 'gone', reason: string }} Peer
 * @returns {Promise<Record<string, Peer>>}
 */
export async function fetchPeers(cache = process.env.CAIRN_CACHE ?? join(homedir(), '.cache/cairn')) {
  await mkdir(cache, { recursive: true });
  const unlock = await lock(join(cache, 'peers.lock'));
  try {
    return { dcmtk: await dcmtk(), ...(await pythonPackages(join(cache, 'python'))) };
  } finally {
    await unlock();
  }
}

async function dcmtk() {
  const found = await findDcmtk();
  if (found) return found;
  if (process.getuid?.() !== 0) return { state: 'missing', reason: 'DCMTK is not installed, and only root can install it.' };
  try {
    await run('apt-get', ['update', '-q']);
    await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'dcmtk'], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  } catch (error) {
    return { state: 'missing', reason: `DCMTK could not be installed: ${firstLine(error)}` };
  }
  return (await findDcmtk()) ?? { state: 'missing', reason: 'The package dcmtk lacks a tool that the tests use.' };
}

/** A virtual environment has scripts with the names of DCMTK's tools, so only the system's folders count. */
async function findDcmtk() {
  for (const path of ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin']) {
    if (!(await all(DCMTK_TOOLS.map((tool) => exists(join(path, tool)))))) continue;
    const { stdout } = await run(join(path, 'echoscu'), ['--version']);
    return { state: 'present', path, version: /v(\S+)/.exec(stdout)?.[1] ?? 'unknown' };
  }
  return undefined;
}

async function pythonPackages(folder) {
  const python = join(folder, 'bin/python');
  const marker = join(folder, 'peers.json');
  const wanted = JSON.stringify(PYTHON_PACKAGES);
  const known = await readFile(marker, 'utf8').then(JSON.parse, () => undefined);
  if (known?.wanted === wanted && (await exists(python))) return known.packages;
  try {
    await makeEnvironment(folder);
  } catch (error) {
    const reason = `No Python environment: ${firstLine(error)}`;
    return Object.fromEntries(Object.keys(PYTHON_PACKAGES).map((name) => [name, { state: 'missing', reason }]));
  }
  const packages = {};
  for (const [name, version] of Object.entries(PYTHON_PACKAGES)) packages[name] = await install(python, name, version);
  // Only a full set is remembered: what failed by a lost network is tried again at the next run.
  if (Object.values(packages).every((peer) => peer.state !== 'missing')) await writeFile(marker, JSON.stringify({ wanted, packages }));
  return packages;
}

/** `python3 -m venv`; where Debian left its pip out, with the pip that the package python3-venv brings. */
async function makeEnvironment(folder) {
  await rm(folder, { recursive: true, force: true });
  try {
    await run('python3', ['-m', 'venv', folder]);
  } catch (error) {
    if (process.getuid?.() !== 0) throw error;
    await run('apt-get', ['update', '-q']);
    await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'python3', 'python3-venv']);
    await run('python3', ['-m', 'venv', folder]);
  }
}

async function install(python, name, version) {
  try {
    await run(python, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', `${name}==${version}`], { maxBuffer: 1 << 24 });
    return { state: 'present', path: python, version };
  } catch (error) {
    const gone = /No matching distribution found/.test(error.stderr) && !/Retrying|[Cc]onnection|name resolution/.test(error.stderr);
    return { state: gone ? 'gone' : 'missing', reason: `${name} ${version} could not be installed: ${firstLine(error)}` };
  }
}

/** A folder as lock; one left by a killed run is taken over after ten minutes. */
async function lock(path) {
  for (;;) {
    try {
      await mkdir(path);
      return () => rm(path, { recursive: true, force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const made = await stat(path).catch(() => undefined);
    if (made && Date.now() - made.mtimeMs > LOCK_WAIT_MS) await rm(path, { recursive: true, force: true });
    else await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function all(promises) {
  return (await Promise.all(promises)).every(Boolean);
}

function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}

function firstLine(error) {
  return String(error.stderr || error.message)
    .trim()
    .split('\n')
    .at(-1);
}
