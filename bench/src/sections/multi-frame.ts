/** A multi-frame image of a gigabyte or more: stored by C-STORE, its first and last frame read by WADO-RS. */
import { datasetBytes, multiFrame } from '../data/phantom.ts';
import { HttpConnection } from '../load/http-connection.ts';
import { runStoreLoad } from '../load/store-load.ts';
import type { Measurement } from '../measurement.ts';
import { measureRequests, measureTransfer } from '../measurement.ts';
import { ACCEPT, expectSeries, getBulk, instancePath } from './dicomweb.ts';
import type { Section } from './section.ts';

/** Sends the image once, since a second copy would need as much disk again. */
export const multiframe: Section = async ({ server, scale, studies, progress }) => {
  const phantom = multiFrame(scale.multiFrameBytes);
  const position = { study: studies.take(1), series: 0, instance: 0 };
  const size = `${Math.round(datasetBytes(phantom) / 2 ** 20)} MiB multi-frame`;
  progress(`C-STORE of a ${size}`);
  const results: Measurement[] = [
    await measureTransfer(server, { key: 'multiframe.store', label: `C-STORE of a ${size}`, unit: 'MB/s' }, 1, () =>
      runStoreLoad(server.dicom, { phantom, positions: [position], associations: 1 }),
    ),
  ];
  const connection = new HttpConnection(server.httpPort);
  await expectSeries(connection, position.study, 0, 1);
  const frames = phantom.pixelBytes / phantom.frameBytes;
  for (const [key, frame] of Object.entries({ first: 1, last: frames })) {
    const about = { key: `multiframe.${key}`, label: `WADO-RS ${key} frame of a ${size}`, unit: 'ms' } as const;
    progress(about.label);
    results.push(
      await measureRequests(server, about, scale.requests, async () => {
        return (await getBulk(connection, `${instancePath(position)}/frames/${frame}`, ACCEPT.frames, phantom.frameBytes)).milliseconds;
      }),
    );
  }
  connection.close();
  return results;
};
