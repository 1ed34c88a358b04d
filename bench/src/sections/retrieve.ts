/** One series of CT slices: WADO-RS metadata, series, instance and frame, C-FIND and C-GET. */
import type { ElementSpec } from '@cairn/testing';
import { element } from '@cairn/testing';
import type { Phantom } from '../data/phantom.ts';
import { ctSlice, datasetBytes } from '../data/phantom.ts';
import type { InstancePosition } from '../data/studies.ts';
import { positions, seriesUid, studyUid } from '../data/studies.ts';
import { HttpConnection } from '../load/http-connection.ts';
import { find, get, openFind, openGet } from '../load/query-load.ts';
import { runStoreLoad } from '../load/store-load.ts';
import type { Measurement } from '../measurement.ts';
import { measureRequests, measureTransfer } from '../measurement.ts';
import { ACCEPT, getBulk, getResults, instancePath, seriesPath } from './dicomweb.ts';
import type { Section, SectionContext } from './section.ts';

/** What is in the archive. */
interface Content {
  readonly study: number;
  readonly phantom: Phantom;
  readonly instances: readonly InstancePosition[];
}

/** Stores the series once, then reads it by every protocol. */
export const retrieve: Section = async (context) => {
  const { server, scale, studies, progress } = context;
  const study = studies.take(1);
  const layout = { seriesPerStudy: 1, instancesPerSeries: scale.seriesSlices };
  const content: Content = { study, phantom: ctSlice(), instances: [...positions(study, scale.seriesSlices, layout)] };
  progress(`loading a series of ${scale.seriesSlices} CT slices`);
  await runStoreLoad(server.dicom, { phantom: content.phantom, positions: content.instances, associations: 4 });
  await server.untilIdle();
  return [...(await overHttp(context, content)), ...(await overDimse(context, content))];
};

async function overHttp({ server, scale, progress }: SectionContext, content: Content): Promise<Measurement[]> {
  const { study, phantom, instances } = content;
  const connection = new HttpConnection(server.httpPort);
  const series = seriesPath(study, 0);
  const seriesBytes = instances.length * datasetBytes(phantom);
  const pick = (index: number): string => instancePath(instances[(index * 7919) % instances.length] ?? { study, series: 0, instance: 0 });
  const results: Measurement[] = [];

  progress('WADO-RS metadata');
  const metadata = { key: 'wado.metadata', label: `WADO-RS /metadata of ${instances.length} instances`, unit: 'ms' } as const;
  results.push(
    await measureRequests(server, metadata, { ...scale.requests, requests: 3 }, async () => {
      return (await getResults(connection, `${series}/metadata`, instances.length)).milliseconds;
    }),
  );

  progress('WADO-RS series');
  const whole = { key: 'wado.series', label: `WADO-RS series of ${instances.length} CT slices`, unit: 'MB/s' } as const;
  results.push(
    await measureTransfer(server, whole, scale.rounds, async () => {
      const { milliseconds } = await getBulk(connection, series, ACCEPT.instances, seriesBytes);
      return { seconds: milliseconds / 1000, instances: instances.length, bytes: seriesBytes };
    }),
  );

  progress('WADO-RS instance and frame');
  const instance = { key: 'wado.instance', label: 'WADO-RS instance (CT slice)', unit: 'ms' } as const;
  results.push(
    await measureRequests(server, instance, scale.requests, async (index) => {
      return (await getBulk(connection, pick(index), ACCEPT.instances, datasetBytes(phantom))).milliseconds;
    }),
  );
  const frame = { key: 'wado.frame', label: 'WADO-RS frame of a CT slice', unit: 'ms' } as const;
  results.push(
    await measureRequests(server, frame, scale.requests, async (index) => {
      return (await getBulk(connection, `${pick(index)}/frames/1`, ACCEPT.frames, phantom.frameBytes)).milliseconds;
    }),
  );
  connection.close();
  return results;
}

async function overDimse({ server, scale, progress }: SectionContext, content: Content): Promise<Measurement[]> {
  const { study, phantom, instances } = content;
  const seriesBytes = instances.length * datasetBytes(phantom);
  const finding = await openFind(server.dicom);
  const expectCount = (count: number, expected: number): void => {
    if (count !== expected) throw new Error(`${count} answers instead of ${expected}`);
  };

  progress('C-FIND');
  const timedFind = async (identifier: readonly ElementSpec[], expected: number): Promise<number> => {
    const start = performance.now();
    const { count } = await find(finding, identifier);
    const milliseconds = performance.now() - start;
    expectCount(count, expected);
    return milliseconds;
  };
  const byStudy = { key: 'find.study', label: 'C-FIND of a study by UID', unit: 'ms' } as const;
  const oneStudy = await measureRequests(server, byStudy, scale.requests, () => timedFind(studyIdentifier(study), 1));
  const images = { key: 'find.images', label: `C-FIND of ${instances.length} images of a series`, unit: 'ms' } as const;
  const allImages = await measureRequests(server, images, { ...scale.requests, requests: 3 }, () =>
    timedFind(imageIdentifier(study), instances.length),
  );
  finding.close();

  progress('C-GET');
  const getting = await openGet(server.dicom, phantom.sopClassUid);
  const byGet = { key: 'get.series', label: `C-GET of ${instances.length} CT slices`, unit: 'MB/s' } as const;
  const got = await measureTransfer(server, byGet, scale.rounds, async () => {
    const start = performance.now();
    const { count } = await get(getting, getIdentifier(study));
    const seconds = (performance.now() - start) / 1000;
    expectCount(count, instances.length);
    return { seconds, instances: count, bytes: seriesBytes };
  });
  getting.close();
  return [oneStudy, allImages, got];
}

function studyIdentifier(study: number): ElementSpec[] {
  return [
    element('00080052', 'CS', 'STUDY'),
    element('00080020', 'DA'),
    element('00080050', 'SH'),
    element('00100010', 'PN'),
    element('00100020', 'LO'),
    element('0020000D', 'UI', studyUid(study)),
  ];
}

function imageIdentifier(study: number): ElementSpec[] {
  return [
    element('00080052', 'CS', 'IMAGE'),
    element('00080016', 'UI'),
    element('00080018', 'UI'),
    element('0020000D', 'UI', studyUid(study)),
    element('0020000E', 'UI', seriesUid(study, 0)),
    element('00200013', 'IS'),
  ];
}

function getIdentifier(study: number): ElementSpec[] {
  return [element('00080052', 'CS', 'SERIES'), element('0020000D', 'UI', studyUid(study)), element('0020000E', 'UI', seriesUid(study, 0))];
}
