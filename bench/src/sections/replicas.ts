/** What more processes of each service bring: C-STORE and searches by several callers at once, a second and a CPU second of the services. */
import { ctSlice } from '../data/phantom.ts';
import { patientId, positions } from '../data/studies.ts';
import { HttpConnection } from '../load/http-connection.ts';
import { runStoreLoad } from '../load/store-load.ts';
import type { CpuPer, Measurement } from '../measurement.ts';
import { costOf, cpuBetween } from '../measurement.ts';
import { expectSeries, getResults, ROOT } from './dicomweb.ts';
import type { Section, SectionContext } from './section.ts';
import { warmUp } from './warm-up.ts';

const ASSOCIATIONS = 4;
const SEARCHERS = 8;

/** One kind of load, and what one round of it did: `work` is GB of a transfer, thousands of requests. */
interface Load {
  readonly key: string;
  readonly label: string;
  readonly counted: 'inst' | 'req';
  readonly round: () => Promise<{ seconds: number; count: number; work: number }>;
  /** Throws when what the rounds sent is not found. */
  readonly check?: () => Promise<void>;
}

/** Measures both loads; the section runs anew on servers of 1, 2 and 3 replicas. */
export const replicas: Section = async (context) => {
  await warmUp(context);
  return [...(await measureLoad(context, storing(context))), ...(await measureLoad(context, searching(context)))];
};

function storing({ server, scale, studies }: SectionContext): Load {
  const count = scale.ctSlices;
  const sent: number[] = [];
  const round: Load['round'] = async () => {
    const study = studies.take(1);
    sent.push(study);
    const instances = [...positions(study, count, { seriesPerStudy: 1, instancesPerSeries: count })];
    const { seconds, bytes } = await runStoreLoad(server.dicom, { phantom: ctSlice(), positions: instances, associations: ASSOCIATIONS });
    return { seconds, count, work: bytes / 1e9 };
  };
  const check = async (): Promise<void> => {
    const connection = new HttpConnection(server.httpPort);
    for (const study of sent) await expectSeries(connection, study, 0, count);
    connection.close();
  };
  return { key: 'store', label: `C-STORE CT slices, ${ASSOCIATIONS} associations`, counted: 'inst', round, check };
}

/** Searches for studies that the warming up has stored. */
function searching({ server, scale }: SectionContext): Load {
  const count = scale.replicaSearches;
  const round: Load['round'] = async () => {
    const connections = Array.from({ length: SEARCHERS }, () => new HttpConnection(server.httpPort));
    let sent = 0;
    const started = performance.now();
    await Promise.all(
      connections.map(async (connection) => {
        while (sent < count) {
          const study = 1 + (sent++ % Math.ceil(scale.warmUpInstances / 100));
          await getResults(connection, `${ROOT}/studies?PatientID=${patientId(study)}`, 1);
        }
      }),
    );
    const seconds = (performance.now() - started) / 1000;
    for (const connection of connections) connection.close();
    return { seconds, count, work: count / 1000 };
  };
  return { key: 'qido', label: `QIDO studies by PatientID, ${SEARCHERS} callers`, counted: 'req', round };
}

async function measureLoad({ server, scale, progress }: SectionContext, load: Load): Promise<Measurement[]> {
  const label = `${load.label}, ${server.replicas} of each service`;
  progress(label);
  const rates: number[] = [];
  const perCpuSecond: number[] = [];
  const costs: CpuPer[] = [];
  await load.round();
  server.resetPeakRss();
  for (let index = 0; index < scale.rounds; index++) {
    await server.untilIdle();
    const before = server.usage();
    const { seconds, count, work } = await load.round();
    await server.untilIdle();
    const after = server.usage();
    rates.push(count / seconds);
    perCpuSecond.push(1 / cpuBetween(before, after, count).own);
    costs.push(cpuBetween(before, after, work));
  }
  const cost = costOf(server, costs);
  await load.check?.();
  const key = `replicas.${load.key}.${server.replicas}`;
  return [
    { key, label, unit: `${load.counted}/s`, rounds: rates, ...cost },
    { key: `${key}.cpu`, label: `${label}, a CPU second of the services`, unit: `${load.counted}/CPU s`, rounds: perCpuSecond },
  ];
}
