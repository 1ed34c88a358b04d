import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { connectScripted, corpus, documentedProduct, listenScripted, makeTempDir } from '../src/index.ts';

describe('scripted peers', () => {
  it('talk to each other', async () => {
    const server = await listenScripted(async (connection) => {
      await connection.send(await connection.read(3));
      connection.end();
    });
    const client = await connectScripted(server.port);
    await client.send('abc');
    expect((await client.readToEnd()).toString()).toBe('abc');
    await server.close();
  });

  it('fail when the peer ends early or says nothing', async () => {
    const server = await listenScripted(async (connection) => connection.send('x'));
    const client = await connectScripted(server.port);
    await expect(client.read(2, 20)).rejects.toThrow('Waited 20 ms');
    await server.close();
    await expect(client.read(2)).rejects.toThrow('ended');
  });

  it('report what a script threw', async () => {
    const server = await listenScripted(async (connection) => void (await connection.read(1)));
    const client = await connectScripted(server.port);
    client.reset();
    await expect(client.readToEnd()).resolves.toHaveLength(0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await expect(server.close()).rejects.toThrow('ended');
  });
});

describe('makeTempDir', () => {
  it('makes a folder and removes it', async () => {
    const folder = await makeTempDir();
    expect(existsSync(folder.path)).toBe(true);
    await folder.remove();
    await folder.remove();
    expect(existsSync(folder.path)).toBe(false);
  });
});

const files = corpus();
(files ? it : it.skip)('reads the manifest of the corpus', () => {
  expect(files!.length).toBeGreaterThan(500);
  expect(new Set(files!.map((each) => each.expected))).toEqual(new Set(['accept', 'reject', 'either']));
  expect(files!.every((each) => existsSync(each.absolutePath))).toBe(true);
});

describe('documentedProduct', () => {
  it('reads one column of one table, and no product that is not there', () => {
    expect(Object.keys(documentedProduct('SQLite'))).toEqual(['indexedContains']);
    expect(documentedProduct('versitygw')).toMatchObject({ byteOrder: 'yes', restore: 'no' });
    expect(() => documentedProduct('nothing')).toThrow('not in docs');
  });
});
