/** `npm run infra <up|down|status> [names…]`: the real servers that Cairn runs on, for a developer on this machine. */
import { join } from 'node:path';
import { cacheFolder } from './cache.ts';
import { endRecorded, isAlive, listRecords, sweepRecords } from './process-records.ts';
import type { ServerName } from './server-definition.ts';
import { SERVERS, startServer } from './start-server.ts';
import { Unavailable } from './toolchain.ts';

const ALL = Object.keys(SERVERS) as ServerName[];
const COMMANDS: Record<string, (names: ServerName[]) => Promise<void>> = { up, down, status };

const [command = '', ...names] = process.argv.slice(2);
const unknown = names.find((name) => !(name in SERVERS));
const action = COMMANDS[command];
if (action === undefined || unknown !== undefined) {
  console.error(`Usage: npm run infra <up|down|status> [${ALL.join('|')}]…`);
  process.exitCode = 2;
} else {
  await action(names.length === 0 ? ALL : (names as ServerName[]));
}

async function up(wanted: ServerName[]): Promise<void> {
  for (const name of wanted) {
    const running = (await detached()).find((record) => record.name === name);
    if (running !== undefined) {
      console.log(`${name}: already at ${running.address}`);
      continue;
    }
    await start(name);
  }
}

async function start(name: ServerName): Promise<void> {
  const began = Date.now();
  try {
    const { environment } = await startServer(name, { dataDir: join(cacheFolder(), 'data', name), detached: true });
    const variables = Object.entries(environment).map(([variable, value]) => `${variable}='${value}'`);
    console.log(`${name}: ready after ${((Date.now() - began) / 1000).toFixed(1)} s: ${variables.join(' ')}`);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    console.log(`${name}: unavailable: ${error.message}`);
    process.exitCode = 1;
  }
}

async function down(wanted: ServerName[]): Promise<void> {
  for (const record of await detached()) {
    if (!wanted.includes(record.name)) continue;
    await endRecorded(record, 'SIGTERM');
    console.log(`${record.name}: stopped`);
  }
}

async function status(wanted: ServerName[]): Promise<void> {
  const records = await detached();
  for (const name of wanted) {
    const record = records.find((record) => record.name === name);
    const check = record && (await SERVERS[name].check(record.address).then(() => 'ready', String));
    console.log(record ? `${name} ${SERVERS[name].version}: ${check} at ${record.address}, process ${record.pid}` : `${name}: not started`);
  }
}

/** Servers started by `infra up` that still run; those of tests are left to their tests. */
async function detached(): Promise<Awaited<ReturnType<typeof listRecords>>> {
  await sweepRecords();
  const alive = [];
  for (const record of await listRecords()) if (record.owner === undefined && (await isAlive(record))) alive.push(record);
  return alive;
}
