import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { PhantomStudy } from '@cairn/testing';

/** Writes a study's instances into a folder; gives their paths in order. */
export async function writeStudy(folder: string, study: PhantomStudy): Promise<string[]> {
  return Promise.all(
    study.instances.map(async (instance) => {
      const path = join(folder, `${instance.sopInstanceUid}.dcm`);
      await writeFile(path, instance.bytes());
      return path;
    }),
  );
}

/** A port of the loopback interface that is free now, for programs that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
