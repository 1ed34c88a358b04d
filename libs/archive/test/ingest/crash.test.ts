import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { Indexer, LandingReconciler } from '@cairn/archive';
import { SqliteEventBus } from '@cairn/event-bus/sqlite';
import { SqliteMetadataStore } from '@cairn/metadata-store/sqlite';
import { FilesystemObjectStore } from '@cairn/object-store/filesystem';
import { makeTempDir } from '@cairn/testing';
import { all, scope } from '../archive-fixture.ts';

describe('an archive whose process is killed while it receives (case 95)', () => {
  it.each(['object-store.after-link', 'object-store.after-dirsync'])(
    'indexes every acknowledged instance exactly once after kill -9 %s',
    async (point) => {
      const folder = await makeTempDir();
      try {
        const acknowledged = await receiveUntilKilled(folder.path, point);
        expect(acknowledged.length).toBeGreaterThan(20);
        const objectStore = await FilesystemObjectStore.open({ folder: folder.path });
        const eventBus = await SqliteEventBus.open({ file: join(folder.path, 'events.sqlite') });
        const metadataStore = await SqliteMetadataStore.open({ file: join(folder.path, 'index.sqlite') });
        const indexer = new Indexer({ objectStore, metadataStore, eventBus });
        await new LandingReconciler({ objectStore, metadataStore, indexer }, { tenants: ['default'] }).run();
        const documents = (await all(metadataStore.exportDocuments(scope))).filter(({ collection }) => collection === 'instances');
        const exported = JSON.stringify(documents);
        for (const ulid of acknowledged) expect(exported.split(`"ulid":"${ulid}","transferSyntaxUid"`)).toHaveLength(2);
        await eventBus.close();
        await metadataStore.close();
        await objectStore.close();
      } finally {
        await folder.remove();
      }
    },
  );
});

/** ULIDs of the instances that were acknowledged before the process died. */
async function receiveUntilKilled(folder: string, point: string): Promise<string[]> {
  const program = join(import.meta.dirname, 'receive-until-killed.program.ts');
  const parameters = ['--conditions=@cairn/source', '--disable-warning=ExperimentalWarning', program, folder, point];
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output, [, signal]] = await Promise.all([text(child.stdout), once(child, 'exit') as Promise<[number | null, string | null]>]);
  expect(signal).toBe('SIGKILL');
  return output.split('\n').filter((ulid) => ulid !== '');
}
