/** QIDO-RS (PS3.18 §10.6) at two sizes of one archive of tiny instances: 100 a study, in 5 series. */
import { tinyImage } from '../data/phantom.ts';
import type { StudyLayout } from '../data/studies.ts';
import { patientId, positions, studyDate } from '../data/studies.ts';
import { HttpConnection } from '../load/http-connection.ts';
import { runStoreLoad } from '../load/store-load.ts';
import type { About, Measurement } from '../measurement.ts';
import { measureRequests } from '../measurement.ts';
import { getResults, ROOT, seriesPath, studyPath } from './dicomweb.ts';
import type { Section, SectionContext } from './section.ts';

const LAYOUT: StudyLayout = { seriesPerStudy: 5, instancesPerSeries: 20 };
const PER_STUDY = LAYOUT.seriesPerStudy * LAYOUT.instancesPerSeries;
const NAME_PREFIX_LIMIT = 2;
const PAGE = 25;

/** One kind of query: its path for the study at this number of this many, and how many results it must have. */
interface Query {
  readonly key: string;
  readonly label: string;
  readonly path: (study: number) => string;
  readonly results: (studies: number) => number;
}

const QUERIES: readonly Query[] = [
  { key: 'patient', label: 'studies by PatientID', path: (study) => `${ROOT}/studies?PatientID=${patientId(study)}`, results: () => 1 },
  { key: 'date', label: 'studies by StudyDate', path: (study) => `${ROOT}/studies?StudyDate=${studyDate(study)}`, results: () => 1 },
  {
    key: 'name',
    label: 'studies by name prefix (4.5 % match)',
    path: () => `${ROOT}/studies?PatientName=GARC*`,
    results: garciasAmong,
  },
  {
    key: 'name-limit',
    label: `studies by name prefix, limit=${NAME_PREFIX_LIMIT}`,
    path: () => `${ROOT}/studies?PatientName=GARC*&limit=${NAME_PREFIX_LIMIT}`,
    results: (studies) => Math.min(NAME_PREFIX_LIMIT, garciasAmong(studies)),
  },
  {
    key: 'page',
    label: `studies, limit=${PAGE}`,
    path: () => `${ROOT}/studies?limit=${PAGE}`,
    results: (studies) => Math.min(PAGE, studies),
  },
  { key: 'series', label: 'series of a study', path: (study) => `${studyPath(study)}/series`, results: () => LAYOUT.seriesPerStudy },
  {
    key: 'instances',
    label: 'instances of a series',
    path: (study) => `${seriesPath(study, 2)}/instances`,
    results: () => LAYOUT.instancesPerSeries,
  },
];

/** Fills the archive to each size in turn and runs every query there. */
export const qido: Section = async (context) => {
  const { server, scale, studies, progress } = context;
  const [small, large] = scale.qidoInstances;
  const first = studies.take(large / PER_STUDY);
  const results: Measurement[] = [];
  let filled = 0;
  for (const [stage, instances] of Object.entries({ small, large })) {
    progress(`loading ${instances - filled} tiny instances for QIDO`);
    const added = [...positions(first + filled / PER_STUDY, instances - filled, LAYOUT)];
    const { seconds } = await runStoreLoad(server.dicom, { phantom: tinyImage(), positions: added, associations: 4 });
    await server.untilIdle();
    const about: About = { key: `qido.${stage}.load`, label: `C-STORE of 3.5 KB instances, to ${instances}`, unit: 'inst/s' };
    results.push({ ...about, rounds: [added.length / seconds] });
    filled = instances;
    results.push(...(await runQueries(context, stage, first, filled)));
  }
  return results;
};

async function runQueries({ server, scale, progress }: SectionContext, stage: string, first: number, instances: number) {
  const connection = new HttpConnection(server.httpPort);
  const studies = instances / PER_STUDY;
  const results: Measurement[] = [];
  for (const query of QUERIES) {
    const about: About = { key: `qido.${stage}.${query.key}`, label: `QIDO ${query.label}, ${instances} instances`, unit: 'ms' };
    progress(about.label);
    results.push(
      await measureRequests(server, about, scale.requests, async (index) => {
        const study = first + ((index * 7919) % studies); // 7919 is prime: visits all studies in a scattered order
        return (await getResults(connection, query.path(study), query.results(studies))).milliseconds;
      }),
    );
  }
  connection.close();
  return results;
}

/** Studies number 1 to `studies` whose family name is GARCIA, the seventh of 22 (the section's studies are the first of the run). */
function garciasAmong(studies: number): number {
  return Math.floor((studies + 22 - 6) / 22);
}
