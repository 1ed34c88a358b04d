import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { CairnError, systemScope } from '@cairn/core';
import { FilesystemObjectStore } from '@cairn/object-store/filesystem';

/* Runs in a mount namespace of its own: fills a volume of 8 MiB, makes it read-only, and prints what the store answered. */
const [, , mountPoint] = process.argv;
const scope = systemScope('default');
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', mountPoint!]);
let store = await FilesystemObjectStore.open({ folder: join(mountPoint!, 'data') });
const answers: string[] = [];

await attempt('big', 3);
await attempt('too-big', 20);
await attempt('small-after-full', 1);
await store.delete(scope, 'landing/default/h/big');
await attempt('after-room', 1);
await store.close();
execFileSync('mount', ['-o', 'remount,ro', mountPoint!]);
store = await FilesystemObjectStore.open({ folder: join(mountPoint!, 'data') });
await attempt('read-only', 1);
answers.push(`read: ${(await store.head(scope, 'landing/default/h/after-room'))?.attributes.name}`);
execFileSync('mount', ['-o', 'remount,rw', mountPoint!]);
await store.delete(scope, 'landing/default/h/after-room');
await attempt('writable-again', 1);
await store.close();
process.stdout.write(JSON.stringify(answers));

async function attempt(name: string, mebibytes: number): Promise<void> {
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    for (let count = 0; count < mebibytes; count++) yield Buffer.alloc(1024 * 1024);
  };
  try {
    await store.put(scope, `landing/default/h/${name}`, chunks(), { attributes: () => ({ name }) });
    answers.push(`${name}: stored`);
  } catch (error) {
    answers.push(`${name}: ${codeOf(error)}`);
  }
}

function codeOf(error: unknown): string {
  return CairnError.is(error) ? `${error.code}${error.retriable ? ' retriable' : ''}` : String(error);
}
