/** STOW-RS: one request of many CT slices. */
import { ctSlice, datasetBytes } from '../data/phantom.ts';
import { positions } from '../data/studies.ts';
import { HttpConnection } from '../load/http-connection.ts';
import { stowRequest } from '../load/stow.ts';
import type { About } from '../measurement.ts';
import { measureTransfer } from '../measurement.ts';
import { expectSeries, ROOT } from './dicomweb.ts';
import type { Section } from './section.ts';
import { warmUp } from './warm-up.ts';

/** Sends every round a new study and checks that all of it is found. */
export const stow: Section = async (context) => {
  const { server, scale, studies, progress } = context;
  await warmUp(context);
  const phantom = ctSlice();
  const count = scale.stowSlices;
  const about: About = { key: 'stow.ct', label: `STOW-RS, ${count} CT slices in one request`, unit: 'MB/s' };
  progress(about.label);
  const connection = new HttpConnection(server.httpPort);
  const sent: number[] = [];
  const measured = await measureTransfer(server, about, scale.rounds, async () => {
    const study = studies.take(1);
    sent.push(study);
    const instances = [...positions(study, count, { seriesPerStudy: 1, instancesPerSeries: count })];
    const answer = await connection.send(stowRequest(`${ROOT}/studies`, phantom, instances));
    if (answer.status !== 200) throw new Error(`STOW answered with status ${answer.status}`);
    return { seconds: answer.milliseconds / 1000, instances: count, bytes: count * datasetBytes(phantom) };
  });
  for (const study of sent) await expectSeries(connection, study, 0, count);
  connection.close();
  return [measured];
};
