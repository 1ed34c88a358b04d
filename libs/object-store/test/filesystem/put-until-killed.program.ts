import { armFailpoint, systemScope } from '@cairn/core';
import { FilesystemObjectStore } from '@cairn/object-store/filesystem';

/* A process that puts objects from four writers until its failpoint kills it; it prints each key when its put resolved. */
const [, , folder, point, hit] = process.argv;
const store = await FilesystemObjectStore.open({ folder: folder! });
const scope = systemScope('default');
armFailpoint(point!, Number(hit));

await Promise.all(
  [0, 1, 2, 3].map(async (writer) => {
    for (let count = 0; ; count++) {
      const key = `landing/default/h${count % 3}/${writer}-${count}`;
      await store.put(scope, key, content(key), { attributes: () => ({ key }) });
      process.stdout.write(`${key}\n`);
    }
  }),
);

async function* content(key: string): AsyncGenerator<Uint8Array> {
  for (let piece = 0; piece < 4; piece++) yield Buffer.from(key.padEnd(20_000, '.'));
}
