import { tinyImage } from '../data/phantom.ts';
import { positions } from '../data/studies.ts';
import { runStoreLoad } from '../load/store-load.ts';
import type { SectionContext } from './section.ts';

/** Sends small instances by C-STORE, so that a server is measured in the state in which it spends its life: compiled and with a filled index. */
export async function warmUp({ server, scale, studies, progress }: SectionContext): Promise<void> {
  progress(`warming up with ${scale.warmUpInstances} tiny instances`);
  const layout = { seriesPerStudy: 5, instancesPerSeries: 20 };
  const first = studies.take(Math.ceil(scale.warmUpInstances / 100));
  await runStoreLoad(server.dicom, {
    phantom: tinyImage(),
    positions: [...positions(first, scale.warmUpInstances, layout)],
    associations: 4,
  });
  await server.untilIdle();
}
