import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadConfig } from '@cairn/config';
import { DEFAULT_TENANT, systemScope } from '@cairn/core';
import type { Logger } from '@cairn/core';
import { Metrics } from '@cairn/telemetry';
import { makeTempDir } from '@cairn/testing';
import type { TempDir } from '@cairn/testing';
import { indexCheck, objectStoreCheck, openDataFolder, openStores, requireDistributed } from '../src/index.ts';
import type { Stores } from '../src/index.ts';

/** Nobody listens there. */
const NOWHERE = '127.0.0.1:9';
const S3 = { CAIRN_S3_BUCKET: 'images', CAIRN_S3_ENDPOINT: `http://${NOWHERE}`, CAIRN_S3_REGION: 'us-east-1' };
/** Fails at once. */
const MONGODB = { CAIRN_MONGODB_URI: 'mongodb://user:verysecret@host:99999999/' };
const KAFKA = { CAIRN_KAFKA_BROKERS: NOWHERE };

let folder: TempDir;
let stores: Stores | undefined;
let logged: string;

beforeEach(async () => {
  folder = await makeTempDir();
  stores = undefined;
  logged = '';
});
afterEach(async () => {
  await stores?.close();
  await folder.remove();
});

async function open(environment: Readonly<Record<string, string>>): Promise<Stores> {
  const log = (fields: object): void => void (logged += inspect(fields, { depth: null }));
  const logger: Logger = { debug: log, info: log, warn: log, error: log };
  const config = loadConfig({ CAIRN_DATA_DIR: join(folder.path, 'data'), ...environment });
  stores = await openStores(config, { metrics: new Metrics(), logger });
  return stores;
}

describe('openStores', () => {
  it('opens all in the data folder where nothing else is configured, and gives it free', async () => {
    const opened = await open({});
    await objectStoreCheck(opened).check();
    await indexCheck(opened).check();
    expect(opened.folder).toBe(join(folder.path, 'data'));
    expect(existsSync(join(folder.path, 'data/index/index.sqlite'))).toBe(true);
    await opened.close();
    openDataFolder(join(folder.path, 'data')).release();
  });

  it('needs no data folder when all are elsewhere, and opens though no server is there', async () => {
    const opened = await open({ ...S3, ...MONGODB, ...KAFKA });
    expect([opened.folder, existsSync(join(folder.path, 'data'))]).toEqual([undefined, false]);
    await expect((async () => await objectStoreCheck(opened).check())()).rejects.toMatchObject({ code: 'object-store.unavailable' });
    await expect((async () => await indexCheck(opened).check())()).rejects.toMatchObject({ code: 'metadata-store.unavailable' });
    await expect((async () => await opened.metadataStore.tenants(systemScope('*')))()).rejects.toMatchObject({ retriable: true });
  });

  it('takes any mix: objects in S3, the index in the data folder', async () => {
    const opened = await open(S3);
    await indexCheck(opened).check();
    const put = async (): Promise<unknown> => await opened.objectStore.put(systemScope(DEFAULT_TENANT), 'landing/default/x', none());
    await expect(put()).rejects.toMatchObject({ code: 'object-store.unavailable' });
  });

  it.each([MONGODB.CAIRN_MONGODB_URI, 'mongodb://user:verysecret@a/?replicaSet'])('tells the password in %s nobody', async (uri) => {
    const opened = await open({ CAIRN_MONGODB_URI: uri });
    const failure: unknown = await (async () => await indexCheck(opened).check())().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'metadata-store.unavailable' });
    expect(logged).toContain('index');
    expect(logged + inspect(failure, { depth: null })).not.toContain('verysecret');
  });

  it('refuses a CA file that cannot be read, and leaves the data folder free', async () => {
    await expect(open({ ...S3, CAIRN_S3_CA: '/nowhere/ca.pem' })).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringContaining('CAIRN_S3_CA'),
    });
    openDataFolder(join(folder.path, 'data')).release();
  });

  it('refuses a data folder in use', async () => {
    const held = openDataFolder(join(folder.path, 'data'));
    await expect(open(S3)).rejects.toMatchObject({ code: 'runtime.start-failed' });
    held.release();
  });
});

describe('requireDistributed', () => {
  it('names what a service on its own lacks', () => {
    const problem = (environment: Readonly<Record<string, string>>) => () => requireDistributed(loadConfig(environment));
    expect(problem({})).toThrow(/CAIRN_S3_BUCKET.*CAIRN_MONGODB_URI.*CAIRN_KAFKA_BROKERS/);
    expect(problem({ ...S3, ...KAFKA })).toThrow(/needs CAIRN_MONGODB_URI\./);
    expect(problem({ ...S3, ...MONGODB, ...KAFKA })).not.toThrow();
  });
});

async function* none(): AsyncGenerator<Uint8Array> {}
