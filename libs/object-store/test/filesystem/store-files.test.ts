import { appendFile, mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemScope } from '@cairn/core';
import { FilesystemObjectStore } from '@cairn/object-store/filesystem';
import { makeTempDir } from '@cairn/testing';
import type { TempDir } from '@cairn/testing';

const scope = systemScope('default');
const HOUR = 'landing/default/2026010112';

describe('FilesystemObjectStore on disk', () => {
  let folder: TempDir;
  let data: string;
  let store: FilesystemObjectStore;

  beforeEach(async () => {
    folder = await makeTempDir();
    data = join(folder.path, 'data');
    store = await FilesystemObjectStore.open({ folder: data });
  });

  afterEach(async () => {
    await store.close();
    await folder.remove();
  });

  const reopen = async (): Promise<void> => {
    await store.close();
    store = await FilesystemObjectStore.open({ folder: data });
  };
  const put = (name: string, attributes: Record<string, string> = {}): Promise<unknown> =>
    store.put(scope, `${HOUR}/${name}`, bytes(name), { attributes: () => attributes });
  const attributesOf = async (name: string): Promise<unknown> => (await store.head(scope, `${HOUR}/${name}`))?.attributes;

  it('keeps objects as plain files and attributes as lines beside them', async () => {
    await put('a.dcm', { n: '1' });
    await put('b.dcm', { n: '2' });
    expect(await readFile(join(data, 'objects', HOUR, 'a.dcm'), 'utf8')).toBe('a.dcm');
    expect(await readFile(join(data, 'attributes', `${HOUR}.log`), 'utf8')).toBe(
      '{"name":"a.dcm","attributes":{"n":"1"}}\n{"name":"b.dcm","attributes":{"n":"2"}}\n',
    );
    expect(await readdir(join(data, 'tmp'))).toEqual([]);
    expect((await stat(join(data, '.cairn-store'))).size).toBeGreaterThan(0);
  });

  it('leaves no temporary file of a put that failed', async () => {
    const refuse = (): never => {
      throw new Error('refused');
    };
    await expect(store.put(scope, `${HOUR}/a`, bytes('x'.repeat(10)), { verify: refuse })).rejects.toThrow('refused');
    await expect(put('a', { n: 'x'.repeat(3000) })).rejects.toThrow('2 KiB');
    await put('a');
    await expect(put('a')).rejects.toMatchObject({ code: 'object-store.already-exists' });
    expect(await readdir(join(data, 'tmp'))).toEqual([]);
  });

  it('removes at opening what a crash left in tmp (cases 23 and 96)', async () => {
    await writeFile(join(data, 'tmp', '4711-0'), 'half an object');
    await reopen();
    expect(await readdir(join(data, 'tmp'))).toEqual([]);
    await put('a');
    expect(await attributesOf('a')).toEqual({});
  });

  it('drops a torn last line of attributes and goes on after it', async () => {
    await put('a', { n: '1' });
    await appendFile(join(data, 'attributes', `${HOUR}.log`), '{"name":"b","attri');
    await reopen();
    expect(await attributesOf('a')).toEqual({ n: '1' });
    await put('b', { n: '2' });
    expect(await attributesOf('b')).toEqual({ n: '2' });
    await reopen();
    expect([await attributesOf('a'), await attributesOf('b')]).toEqual([{ n: '1' }, { n: '2' }]);
  });

  it('does not give the attributes of a put that a crash cut off to a later object of that name', async () => {
    await put('a', { n: '1' });
    await appendFile(join(data, 'attributes', `${HOUR}.log`), '{"name":"b","attributes":{"n":"lost"}}\n');
    await reopen();
    await put('b', { n: '2' });
    expect(await attributesOf('b')).toEqual({ n: '2' });
  });

  it('finds attributes in logs of many lines and many folders, before and after a restart', async () => {
    const names = Array.from({ length: 1500 }, (_, n) => `${n}.dcm`);
    await Promise.all(names.map((name) => put(name, { name, filler: 'x'.repeat(100) })));
    const folders = Array.from({ length: 12 }, (_, n) => `landing/default/20260101${String(n).padStart(2, '0')}/a`);
    for (const key of folders) await store.put(scope, key, bytes('x'), { attributes: () => ({ key }) });
    for (const again of [false, true]) {
      if (again) await reopen();
      for (const name of ['0.dcm', '777.dcm', '1499.dcm', '12.dcm']) expect(await attributesOf(name)).toMatchObject({ name });
      expect(await attributesOf('none')).toBeUndefined();
      for (const key of folders) expect((await store.head(scope, key))?.attributes).toEqual({ key });
    }
  });

  it.each(['an empty folder', 'nothing'])('writes nothing where its volume was when %s is left (case 108)', async (left) => {
    await put('a', { n: '1' });
    await rename(data, `${data}-away`);
    if (left === 'an empty folder') await mkdir(data);
    for (const key of [`${HOUR}/b`, 'landing/default/2026010113/b']) {
      await expect(store.put(scope, key, bytes('x'))).rejects.toMatchObject({ code: 'object-store.unavailable', retriable: true });
    }
    await expect(store.check(scope)).rejects.toMatchObject({ code: 'object-store.unavailable' });
    await expect(store.delete(scope, `${HOUR}/a`)).rejects.toMatchObject({ code: 'object-store.unavailable' });
    expect(await readdir(folder.path)).toEqual(left === 'nothing' ? ['data-away'] : ['data', 'data-away']);
    if (left === 'an empty folder') expect(await readdir(data)).toEqual([]);
    await rm(data, { recursive: true, force: true });
    await rename(`${data}-away`, data);
    await put('b', { n: '2' });
    expect([await attributesOf('a'), await attributesOf('b')]).toEqual([{ n: '1' }, { n: '2' }]);
  });

  it('loses its volume while a put is under way without making folders in its place (case 108)', async () => {
    await put('a');
    const away = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('x');
      await rename(data, `${data}-away`);
      await mkdir(join(data, 'objects'), { recursive: true });
    };
    await expect(store.put(scope, 'landing/default/2026010113/b', away())).rejects.toMatchObject({ code: 'object-store.unavailable' });
    expect(await readdir(join(data, 'objects'))).toEqual([]);
    await rm(data, { recursive: true });
    await rename(`${data}-away`, data);
    await store.put(scope, 'landing/default/2026010113/b', bytes('x'));
  });

  it.each(['an empty folder', 'nothing'])('writes nothing where the volume of objects was when %s is left (case 108)', async (left) => {
    const objects = join(data, 'objects');
    await put('a');
    await rename(objects, `${data}-away`);
    if (left === 'an empty folder') await mkdir(objects);
    for (const key of [`${HOUR}/b`, 'landing/default/2026010113/b']) {
      await expect(store.put(scope, key, bytes('x'))).rejects.toMatchObject({ code: 'object-store.unavailable', retriable: true });
    }
    if (left === 'an empty folder') expect(await readdir(objects)).toEqual([]);
    await store.close();
    await expect(FilesystemObjectStore.open({ folder: data })).rejects.toMatchObject({ code: 'object-store.unavailable' });
    await rm(objects, { recursive: true, force: true });
    await rename(`${data}-away`, objects);
    await reopen();
    await put('b');
  });

  it('makes a key folder again that was removed by hand', async () => {
    await put('a');
    await rm(join(data, 'objects', HOUR), { recursive: true });
    await put('b');
    expect(await readdir(join(data, 'objects', HOUR))).toEqual(['b']);
  });

  it('refuses a folder that cannot be made', async () => {
    await writeFile(join(folder.path, 'file'), '');
    await expect(FilesystemObjectStore.open({ folder: join(folder.path, 'file', 'data') })).rejects.toMatchObject({
      code: 'object-store.unavailable',
    });
  });
});

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
