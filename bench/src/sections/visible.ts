/** Time from the C-STORE success response to the first QIDO answer that shows the instance, while four associations store. */
import { ctSlice } from '../data/phantom.ts';
import type { InstancePosition } from '../data/studies.ts';
import { positions, sopInstanceUid } from '../data/studies.ts';
import { HttpConnection } from '../load/http-connection.ts';
import { runStoreLoad } from '../load/store-load.ts';
import { percentile } from '../statistics.ts';
import { ACCEPT, seriesPath } from './dicomweb.ts';
import type { Section } from './section.ts';
import { warmUp } from './warm-up.ts';

/** One instance in this many is watched: polling for all would be a second load. */
const SAMPLE_EVERY = 10;
const GIVE_UP_MS = 30_000;
const POLL_PAUSE_MS = 2;

/** Samples p50 and p99. */
export const visible: Section = async (context) => {
  const { server, scale, studies, progress } = context;
  await warmUp(context);
  progress('time from acknowledged to visible');
  const count = scale.visibilitySlices;
  const instances = [...positions(studies.take(1), count, { seriesPerStudy: 1, instancesPerSeries: count })];
  const idle: HttpConnection[] = [];
  const watch = async (position: InstancePosition): Promise<number> => {
    const acknowledged = performance.now();
    const connection = idle.pop() ?? new HttpConnection(server.httpPort);
    while (!(await isVisible(connection, position))) {
      if (performance.now() - acknowledged > GIVE_UP_MS) throw new Error('an acknowledged instance did not become visible');
      await new Promise((resolve) => setTimeout(resolve, POLL_PAUSE_MS));
    }
    idle.push(connection);
    return performance.now() - acknowledged;
  };
  const watches: Promise<number>[] = [];
  await runStoreLoad(server.dicom, {
    phantom: ctSlice(),
    positions: instances,
    associations: 4,
    onStored: (position) => {
      if (position.instance % SAMPLE_EVERY === 0) watches.push(watch(position));
    },
  });
  const delays = await Promise.all(watches);
  for (const connection of idle) connection.close();
  return [
    { key: 'visible.p50', label: 'acknowledged to visible in QIDO, p50', unit: 'ms', rounds: [percentile(delays, 0.5)] },
    { key: 'visible.p99', label: 'acknowledged to visible in QIDO, p99', unit: 'ms', rounds: [percentile(delays, 0.99)] },
  ];
};

/** A study or series unknown as yet is answered with 404 or an empty list, depending on the server. */
async function isVisible(connection: HttpConnection, position: InstancePosition): Promise<boolean> {
  const path = `${seriesPath(position.study, position.series)}/instances?SOPInstanceUID=${sopInstanceUid(position)}`;
  const answer = await connection.send({ method: 'GET', path, headers: { Accept: ACCEPT.json }, keepBody: true });
  return answer.status === 200 && answer.body.includes('00080018');
}
