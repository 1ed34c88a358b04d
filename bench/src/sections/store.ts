/** C-STORE: CT slices over 1, 4 and 8 associations, large CR images over 4. */
import type { Phantom } from '../data/phantom.ts';
import { crImage, ctSlice } from '../data/phantom.ts';
import { positions } from '../data/studies.ts';
import { HttpConnection } from '../load/http-connection.ts';
import { runStoreLoad } from '../load/store-load.ts';
import type { About, Measurement } from '../measurement.ts';
import { measureTransfer } from '../measurement.ts';
import { expectSeries } from './dicomweb.ts';
import type { Section, SectionContext } from './section.ts';
import { warmUp } from './warm-up.ts';

/** Sends every round a new study of one series and checks that all of it is found. */
export const store: Section = async (context) => {
  const { scale } = context;
  await warmUp(context);
  const results: Measurement[] = [];
  for (const associations of [1, 4, 8]) {
    const label = `C-STORE CT slices, ${associations} association${associations > 1 ? 's' : ''}`;
    const about: About = { key: `store.ct.${associations}`, label, unit: 'inst/s' };
    results.push(await storeRounds(context, about, ctSlice(), scale.ctSlices, associations));
  }
  const about: About = { key: 'store.cr.4', label: 'C-STORE 18 MB CR images, 4 associations', unit: 'MB/s' };
  results.push(await storeRounds(context, about, crImage(), scale.crImages, 4));
  return results;
};

async function storeRounds(
  context: SectionContext,
  about: About,
  phantom: Phantom,
  count: number,
  associations: number,
): Promise<Measurement> {
  const { server, scale, studies, progress } = context;
  progress(about.label);
  const sent: number[] = [];
  const measured = await measureTransfer(server, about, scale.rounds, () => {
    const study = studies.take(1);
    sent.push(study);
    const instances = [...positions(study, count, { seriesPerStudy: 1, instancesPerSeries: count })];
    return runStoreLoad(server.dicom, { phantom, positions: instances, associations });
  });
  const connection = new HttpConnection(server.httpPort);
  for (const study of sent) await expectSeries(connection, study, 0, count);
  connection.close();
  return measured;
}
