import { basename } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { RunningServices } from '@cairn/services';
import { makeTempDir } from '@cairn/testing';
import type { TempDir } from '@cairn/testing';
import { startArchive } from '../harness/archive.ts';
import type { Archive, Doors } from '../harness/archive.ts';
import { keysIn, uploadsIn } from '../harness/bucket.ts';
import { processTree } from '../harness/processes.ts';
import { eventually, get, qidoAll, textOf } from '../harness/web.ts';
import { announcedReceipts, brokenFeeds, disorderedReceipts, readEvents } from './event-record.ts';
import type { EventRecord } from './event-record.ts';
import { strike } from './faults.ts';
import type { FaultReport } from './faults.ts';
import { Ledger } from './ledger.ts';
import { sendLoad } from './load.ts';
import { Senders } from './senders.ts';
import { DRAIN_MS, doorsOf, startLinkedServers, startServicesOn, stopLinkedServers } from './services-on-links.ts';
import type { LinkedServers } from './services-on-links.ts';

/** `npm run test:faults` raises it: then every sender leaves more time between two instances. */
const KILLS = Number(process.env['CAIRN_E2E_SERVICE_KILLS'] ?? 12);
const PAUSE_MS = KILLS > 50 ? 500 : 100;
const INSTANCES = KILLS > 50 ? 2000 : 500;
const SEED = 98;
const KILL_TIMEOUT_MS = 60_000;
const HEAL_TIMEOUT_MS = 180_000;
/** To end the process after its drain, on a busy machine. */
const DRAIN_GRACE_MS = 5000;
/** An answer may be on its way when the object store is gone already. */
const IN_FLIGHT_MS = 1000;

const hasServers = process.env['CAIRN_E2E_INFRASTRUCTURE'] !== undefined;
const linked = hasServers ? await startLinkedServers() : undefined;
const folder = await makeTempDir();

afterAll(() => folder.remove());

(linked ? describe : describe.skip)('kill -9 of every service and server, and broken links, under load', () => {
  const servers = linked as LinkedServers;
  const ledger = new Ledger();
  let services: RunningServices;
  let doors: Doors;
  let report: FaultReport;
  let events: EventRecord;
  /** Per outage of the object store: instances acknowledged in it. */
  const acknowledgedWithoutStore: number[] = [];

  afterAll(async () => {
    await services?.stop();
    await stopLinkedServers(servers);
  }, HEAL_TIMEOUT_MS);

  it(
    'cases 95, 123, 138, 139: acknowledged instances survive whole and once',
    async () => {
      services = await startServicesOn(servers, folder.path);
      doors = doorsOf(services);
      await ready(doors);
      const senders = new Senders(doors, { ledger, seed: SEED, pauseMs: PAUSE_MS });
      const gone = watchStore(senders);
      report = await strike(services, servers, { seed: SEED, kills: KILLS, gone });
      await eventually(
        async () => ledger.acknowledgedCount,
        (count) => count >= INSTANCES,
        HEAL_TIMEOUT_MS,
      );
      await senders.stop();
      await ready(doors);
      expect(await healed(doors, ledger)).toEqual([]);
      expect(ledger.acknowledgedCount).toBeGreaterThanOrEqual(INSTANCES);
    },
    KILL_TIMEOUT_MS * KILLS,
  );

  it('each service and each server died, each link broke', () => {
    const victims = [...services.processes.map(({ name }) => name), ...Object.keys(servers)];
    expect(new Set(report.kills.keys())).toEqual(new Set(victims));
    expect([...report.kills.values()].reduce((sum, count) => sum + count)).toBe(KILLS);
    const links = [...report.partitions.keys()].map((name) => name.split(' ')[0]);
    expect(new Set(links)).toEqual(new Set(Object.keys(servers)));
  });

  it('case 97: nothing is acknowledged without an object store, and nothing half stored stays in it', async () => {
    expect(acknowledgedWithoutStore.filter((count) => count > 0)).toEqual([]);
    const { environment } = servers.seaweedfs.server;
    expect(await uploadsIn({ environment, bucket: 'cairn', prefix: '' })).toEqual([]);
  });

  it(
    'case 137: a rolling restart under load costs a sender no more than a repetition, and drains in time',
    async () => {
      const senders = new Senders(doors, { ledger, seed: SEED + 1, pauseMs: PAUSE_MS });
      for (const process_ of services.processes) {
        const startMs = performance.now();
        await process_.stop();
        expect(performance.now() - startMs).toBeLessThan(DRAIN_MS + DRAIN_GRACE_MS);
        await process_.restart();
      }
      await senders.stop();
      await ready(doors);
      expect(await healed(doors, ledger)).toEqual([]);
      expect(senders.mostAttempts).toBeLessThanOrEqual(2);
    },
    HEAL_TIMEOUT_MS * 3,
  );

  it('case 117: counters of every study equal a recount', async () => {
    const studies = await qidoAll(doors, '/studies?includefield=00201206&includefield=00201208');
    const instances = Map.groupBy(await qidoAll(doors, '/instances'), (instance) => textOf(instance, '0020000D'));
    const recount = [...instances].map(([uid, members]) => {
      const series = new Set(members.map((member) => textOf(member, '0020000E')));
      return [uid, `${series.size} series, ${members.length} instances`] as const;
    });
    const told = studies.map(
      (study) => [textOf(study, '0020000D'), `${textOf(study, '00201206')} series, ${textOf(study, '00201208')} instances`] as const,
    );
    expect(new Map(told)).toEqual(new Map(recount));
    expect(told.length).toBe(recount.length);
  });

  it('case 125: no receipt became a dead letter', async () => {
    events = await readEvents(servers.kafka.server.address);
    expect(events.deadLetters).toEqual([]);
  }, 120_000);

  it('case 123: receipts of a study came in their order', () => {
    expect(events.ingest.size).toBeGreaterThan(0);
    expect(disorderedReceipts(events)).toEqual([]);
  });

  it('cases 124, 128, 129: who applies only what is newer ends with the version that counts every receipt', () => {
    expect(brokenFeeds(events)).toEqual([]);
  });

  it('the change feed tells of every object stored', async () => {
    const { environment } = servers.seaweedfs.server;
    const keys = await keysIn({ environment, bucket: 'cairn', prefix: 'landing/' });
    const stored = keys.filter((key) => key.endsWith('.dcm')).map((key) => basename(key, '.dcm'));
    expect(announcedReceipts(events)).toEqual(new Set(stored));
  });

  /** Counts what is acknowledged from shortly after the store's death to its return. */
  function watchStore(senders: Senders): (victim: string) => () => void {
    return (victim) => {
      let before: number | undefined;
      const late = setTimeout(() => (before = senders.acknowledged), IN_FLIGHT_MS);
      return () => {
        clearTimeout(late);
        if (victim === 'seaweedfs' && before !== undefined) acknowledgedWithoutStore.push(senders.acknowledged - before);
      };
    };
  }
});

(hasServers ? describe : describe.skip)('kill -9 of the whole group', () => {
  /** It starts its servers itself. */
  const env = { KAFKA_BROKERS: '', MONGODB_URI: '', S3_ENDPOINT: '', CAIRN_LOG_LEVEL: 'silent' };
  let place: TempDir;
  let archive: Archive;

  afterAll(async () => {
    await archive?.stop();
    await place?.remove();
  }, HEAL_TIMEOUT_MS);

  it('case 95: services and servers come back with all that was acknowledged', async () => {
    place = await makeTempDir();
    const ledger = new Ledger();
    archive = await startArchive({ dataDir: place.path, env });
    const load = sendLoad(archive, ledger, 1, Number.POSITIVE_INFINITY);
    await eventually(
      async () => ledger.acknowledgedCount,
      (count) => count >= 200,
      60_000,
    );
    for (const pid of processTree(archive.pid)) process.kill(pid, 'SIGKILL');
    await Promise.all([load, archive.exited]);
    archive = await startArchive({ dataDir: place.path, env });
    expect(await healed(archive, ledger)).toEqual([]);
    expect(ledger.acknowledgedCount).toBeGreaterThanOrEqual(200);
  }, 300_000);
});

/** What the ledger still objects to when there was time to heal. */
function healed(archive: Doors, ledger: Ledger): Promise<string[]> {
  return eventually(
    () => ledger.contradictions(archive).catch((error: unknown) => [String(error)]),
    (found) => found.length === 0,
    HEAL_TIMEOUT_MS,
  );
}

async function ready(archive: Doors): Promise<void> {
  const health = async (): Promise<string> => {
    const answer = await get({ ...archive, webUrl: archive.origin }, '/health/ready');
    return `${answer.status} ${await answer.text()}`;
  };
  expect(await eventually(health, (answer) => answer.startsWith('200'), HEAL_TIMEOUT_MS)).toMatch(/^200/);
}
