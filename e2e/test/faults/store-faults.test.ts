import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CT_SLICE, TINY, TRANSFER_SYNTAX, aStudy, makeTempDir, writeDataSet } from '@cairn/testing';
import type { PhantomInstance, TempDir } from '@cairn/testing';
import { startArchive } from '../harness/archive.ts';
import type { Archive } from '../harness/archive.ts';
import { associate, messagePdus, rawStore, storeCommand } from '../harness/raw-dimse.ts';
import { itStandalone } from '../harness/shape.ts';
import { eventually, qido, stow } from '../harness/web.ts';

const OUT_OF_RESOURCES = 0xa700;
const CT_CONTEXT = ['1.2.840.10008.5.1.4.1.1.2', TRANSFER_SYNTAX.explicitLittleEndian] as const;

describe('faults of the store', () => {
  let folder: TempDir;
  let archive: Archive;

  beforeEach(async () => {
    folder = await makeTempDir();
  });

  afterEach(async () => {
    await archive?.dispose();
    await folder.remove();
  });

  function phantom(seed: number): PhantomInstance {
    return aStudy({ ...TINY, seed }).instances[0]!;
  }

  async function found(instance: PhantomInstance): Promise<number> {
    return (await qido(archive, `/instances?SOPInstanceUID=${instance.sopInstanceUid}`)).length;
  }

  it('case 96: an upload cut off by kill -9 hinders neither the next start nor the same instance sent again', async () => {
    archive = await startArchive({ dataDir: folder.path });
    const instance = aStudy({ ...CT_SLICE, seed: 1201 }).instances[0]!;
    const connection = await associate(archive.dicomPort, { contexts: [CT_CONTEXT] });
    const data = messagePdus(1, 'dataSet', writeDataSet({ elements: instance.elements() }));
    await connection.send(messagePdus(1, 'command', storeCommand(instance.sopClassUid, instance.sopInstanceUid)));
    await connection.send(data.subarray(0, data.length / 2));
    await archive.kill();
    archive = await startArchive({ dataDir: folder.path });
    expect(await found(instance)).toBe(0);
    expect((await stow(archive, [instance.bytes()])).status).toBe(200);
    expect(
      await eventually(
        () => found(instance),
        (count) => count === 1,
      ),
    ).toBe(1);
  });

  itStandalone(
    'case 108: when the data folder’s volume vanishes, stores fail and nothing is written in its place; when it is back, all goes on',
    async () => {
      archive = await startArchive({ dataDir: folder.path });
      const kept = phantom(1202);
      await stow(archive, [kept.bytes()]);
      await eventually(
        () => found(kept),
        (count) => count === 1,
      );
      await rename(folder.path, `${folder.path}.away`);
      await mkdir(folder.path);
      const lost = phantom(1203);
      const answer = await stow(archive, [lost.bytes()]);
      expect({ status: answer.status, stored: answer.stored }).toEqual({ status: 503, stored: [] });
      const connection = await associate(archive.dicomPort, { contexts: [CT_CONTEXT] });
      const { status } = await rawStore(connection, CT_CONTEXT[0], lost.sopInstanceUid, writeDataSet({ elements: lost.elements() }));
      expect(status).toBe(OUT_OF_RESOURCES);
      connection.reset();
      expect(await readdir(folder.path)).toEqual([]);
      await rm(folder.path, { recursive: true });
      await rename(`${folder.path}.away`, folder.path);
      expect(
        await eventually(
          async () => (await stow(archive, [lost.bytes()])).status,
          (code) => code === 200,
        ),
      ).toBe(200);
      expect(
        await eventually(
          () => found(lost),
          (count) => count === 1,
        ),
      ).toBe(1);
      expect(await found(kept)).toBe(1);
    },
  );

  // A volume of its own needs the right to mount one.
  (canMount() ? itStandalone : it.skip)(
    'case 106: a full volume refuses with 507 and A700 and takes again once there is room',
    async () => {
      const volume = join(folder.path, 'volume');
      await mkdir(volume);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', volume]);
      try {
        archive = await startArchive({ dataDir: join(volume, 'data') });
        const ballast = join(volume, 'ballast');
        await writeFile(ballast, Buffer.alloc(12 << 20));
        const { instances } = aStudy({ ...CT_SLICE, seed: 1204, instances: 30 });
        const stored: PhantomInstance[] = [];
        let refused: PhantomInstance | undefined;
        for (const instance of instances) {
          const answer = await stow(archive, [instance.bytes()]);
          if (answer.status === 200) stored.push(instance);
          else {
            expect({ status: answer.status, stored: answer.stored }).toEqual({ status: 507, stored: [] });
            const connection = await associate(archive.dicomPort, { contexts: [CT_CONTEXT] });
            const byDimse = await rawStore(
              connection,
              CT_CONTEXT[0],
              instance.sopInstanceUid,
              writeDataSet({ elements: instance.elements() }),
            );
            expect(byDimse.status).toBe(OUT_OF_RESOURCES);
            connection.reset();
            refused = instance;
            break;
          }
        }
        expect(refused).toBeDefined();
        await writeFile(ballast, '');
        expect(
          await eventually(
            async () => (await stow(archive, [refused!.bytes()])).status,
            (code) => code === 200,
          ),
        ).toBe(200);
        const wanted = stored.length + 1;
        expect(
          await eventually(
            async () => (await qido(archive, '/instances')).length,
            (count) => count === wanted,
          ),
        ).toBe(wanted);
        await archive.stop();
      } finally {
        execFileSync('umount', ['-l', volume]);
      }
    },
  );
});

/** Tries it: containers often have root without the right to mount. */
function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
