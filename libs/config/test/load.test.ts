import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { CairnError } from '@cairn/core';
import { addressMatcher, isLoopback, loadConfig } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'cairn-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function yaml(text: string): string {
  const file = join(folder, `${Math.random()}.yaml`);
  writeFileSync(file, text);
  return file;
}

function messageOf(environment: Record<string, string>): string {
  try {
    loadConfig(environment);
  } catch (error) {
    if (CairnError.is(error, 'config.invalid')) return error.message;
  }
  return 'accepted';
}

describe('loadConfig', () => {
  it('has a default for everything that a first start needs', () => {
    const config = loadConfig({ HOME: '/nowhere' });
    expect(config).toMatchObject({
      CAIRN_AE_TITLE: 'CAIRN',
      CAIRN_DICOM_PORT: 11112,
      CAIRN_HTTP_PORT: 8080,
      CAIRN_HOST: '127.0.0.1',
      CAIRN_DATA_DIR: './data',
    });
    expect(config.CAIRN_DICOM_PEERS).toEqual([]);
    expect(config.CAIRN_DICOM_TLS_PORT).toBeUndefined();
  });

  it('reads lists', () => {
    const config = loadConfig({ CAIRN_DICOM_PEERS: 'WS1=10.0.0.5:104, WS2=[::1]:11113', CAIRN_DICOM_CALLERS: 'CT1,MR1@192.168.0.0/24' });
    expect(config.CAIRN_DICOM_PEERS).toEqual([
      { aet: 'WS1', host: '10.0.0.5', port: 104 },
      { aet: 'WS2', host: '::1', port: 11113 },
    ]);
    expect(config.CAIRN_DICOM_CALLERS).toEqual([{ aet: 'CT1' }, { aet: 'MR1', cidr: '192.168.0.0/24' }]);
  });

  it('takes the YAML file with the same names, and the environment wins', () => {
    const file = yaml(
      'CAIRN_HTTP_PORT: 9000\nCAIRN_AE_TITLE: EDGE\nCAIRN_CORS_ORIGINS: [http://a.example, http://b.example]\nCAIRN_INSECURE: false\n',
    );
    const config = loadConfig({ CAIRN_CONFIG: file, CAIRN_AE_TITLE: 'ENV' });
    expect(config).toMatchObject({
      CAIRN_HTTP_PORT: 9000,
      CAIRN_AE_TITLE: 'ENV',
      CAIRN_CORS_ORIGINS: ['http://a.example', 'http://b.example'],
    });
  });

  it.each([
    [{ CAIRN_HTTP_PROT: '1' }, 'CAIRN_HTTP_PROT is not a setting (did you mean CAIRN_HTTP_PORT?)'],
    [{ CAIRN_HTTP_PORT: '70000' }, 'CAIRN_HTTP_PORT: must be a port number from 0 to 65535'],
    [{ CAIRN_HTTP_PORT: '' }, 'CAIRN_HTTP_PORT: must be a port number'],
    [{ CAIRN_AE_TITLE: 'MORE THAN SIXTEEN CHARACTERS' }, 'CAIRN_AE_TITLE'],
    [{ CAIRN_DICOM_PEERS: 'WS1' }, 'CAIRN_DICOM_PEERS: each entry must be AET=host:port'],
    [{ CAIRN_DICOM_CALLERS: 'CT@300.1.1.1' }, 'CAIRN_DICOM_CALLERS'],
    [{ CAIRN_HOST: '0.0.0.0' }, 'CAIRN_HOST is not a loopback address'],
    [{ CAIRN_DICOM_TLS_PORT: '2762' }, 'DICOM TLS also needs CAIRN_DICOM_TLS_CERT and CAIRN_DICOM_TLS_KEY'],
    [{ CAIRN_CORS_ORIGINS: '*' }, 'CAIRN_CORS_ORIGINS'],
    [{ CAIRN_PUBLIC_URL: 'ftp://x' }, 'CAIRN_PUBLIC_URL'],
    [{ CAIRN_KAFKA_BROKERS: 'broker' }, 'CAIRN_KAFKA_BROKERS: each entry must be host:port'],
    [{ CAIRN_MONGODB_URI: 'postgres://x' }, 'CAIRN_MONGODB_URI'],
    [{ CAIRN_S3_ENDPOINT: 'http://user:word@host' }, 'CAIRN_S3_ENDPOINT'],
    [{ CAIRN_S3_PREFIX: 'no-slash' }, 'CAIRN_S3_PREFIX: must be empty or end in a slash'],
    [{ CAIRN_S3_REQUEST_CHECKSUMS: 'never' }, 'CAIRN_S3_REQUEST_CHECKSUMS'],
    [{ CAIRN_CONFIG: '/nonexistent/cairn.yaml' }, 'CAIRN_CONFIG names cannot be read'],
  ])('refuses %j with a line that names the key', (environment, expected) => {
    const message = messageOf(environment);
    expect(message).toContain(expected);
    expect(message).not.toContain('\n');
  });

  it('names all problems at once and no value', () => {
    const message = messageOf({ CAIRN_HTTP_PORT: 'secret', CAIRN_LOG_LEVEL: 'secret', CAIRN_NOPE: 'secret' });
    expect(message).toMatch(/CAIRN_NOPE.*CAIRN_HTTP_PORT.*CAIRN_LOG_LEVEL/);
    expect(message).not.toContain('secret');
  });

  it.each(['- a\n- b\n', 'CAIRN_PEERS: {a: 1}\n', 'a: [unclosed'])('refuses the YAML %j', (text) => {
    expect(messageOf({ CAIRN_CONFIG: yaml(text) })).toMatch(/^Configuration: /);
  });

  it('reads where the stores are', () => {
    const config = loadConfig({
      CAIRN_KAFKA_BROKERS: 'k1:9092, [fd00::1]:9092',
      CAIRN_MONGODB_URI: 'mongodb://user:word@m1,m2/?replicaSet=rs0',
      CAIRN_S3_BUCKET: 'images',
      CAIRN_S3_ENDPOINT: 'https://s3.example.org:9000',
      CAIRN_S3_PATH_STYLE: '0',
    });
    expect(config).toMatchObject({
      CAIRN_KAFKA_BROKERS: ['k1:9092', '[fd00::1]:9092'],
      CAIRN_S3_PATH_STYLE: false,
      CAIRN_S3_UPLOAD_BUDGET_MIB: 256,
      CAIRN_MONGODB_DATABASE: 'cairn',
    });
  });

  it('lets another address be used only on request', () => {
    expect(loadConfig({ CAIRN_HOST: '0.0.0.0', CAIRN_INSECURE: '1' }).CAIRN_HOST).toBe('0.0.0.0');
  });
});

describe('addresses', () => {
  it('matches ranges, single addresses and mapped ones', () => {
    const matches = addressMatcher(['10.0.0.0/8', 'fd00::1', 'loopback']);
    expect(['10.1.2.3', '::ffff:10.9.9.9', 'fd00::1', '127.0.0.1', '::1'].map((address) => matches(address))).toEqual([
      true,
      true,
      true,
      true,
      true,
    ]);
    expect(['11.0.0.1', 'fd00::2', 'not an address', ''].map((address) => matches(address))).toEqual([false, false, false, false]);
  });

  it('knows loopback', () => {
    expect(isLoopback('localhost') && isLoopback('127.9.9.9') && isLoopback('::1')).toBe(true);
    expect(isLoopback('0.0.0.0') || isLoopback('192.168.0.1') || isLoopback('::')).toBe(false);
  });
});
