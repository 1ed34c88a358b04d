import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { makeTempDir } from '@cairn/testing';

const NAMESPACE = ['--user', '--map-root-user', '--mount'];
/** Needs the right to mount in a namespace of one's own, which some hosts and containers withhold. */
const canMount = spawnSync('unshare', [...NAMESPACE, 'sh', '-c', 'mount -t tmpfs tmpfs /mnt']).status === 0;

describe('a store on a full or read-only volume (case 106)', () => {
  (canMount ? it : it.skip)('says so, takes what still fits, and recovers without a restart', async () => {
    const folder = await makeTempDir();
    try {
      const program = join(import.meta.dirname, 'small-volume.program.ts');
      const parameters = [...NAMESPACE, process.execPath, '--conditions=@cairn/source', program, folder.path];
      const answers = JSON.parse(execFileSync('unshare', parameters, { encoding: 'utf8' })) as string[];
      expect(answers).toEqual([
        'big: stored',
        'too-big: object-store.full retriable',
        'small-after-full: stored',
        'after-room: stored',
        'read-only: object-store.unavailable retriable',
        'read: after-room',
        'writable-again: stored',
      ]);
    } finally {
      await folder.remove();
    }
  });
});
