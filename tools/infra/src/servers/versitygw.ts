import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../cache.ts';
import { S3_ACCOUNT, checkS3 } from '../s3-request.ts';
import type { ServerDefinition } from '../server-definition.ts';
import { fetchWith, requireTool } from '../toolchain.ts';

const VERSION = '1.8.0';

/** Versity S3 Gateway over a folder, the second S3 product: built once from Go modules. */
export const versitygw: ServerDefinition = {
  name: 'versitygw',
  version: VERSION,
  variable: 'S3_ENDPOINT',
  portCount: 1,
  install: () =>
    cached(`versitygw-${VERSION}`, async (folder) => {
      await requireTool('go', ['version'], []);
      const args = ['install', '-p', '1', `github.com/versity/versitygw/cmd/versitygw@v${VERSION}`];
      const env = { ...process.env, GOBIN: folder, CGO_ENABLED: '0' };
      await fetchWith({ file: 'go', args, env }, /unknown revision|404 Not Found|410 Gone/);
    }),
  prepare: async ({ dataDir }) => {
    await mkdir(join(dataDir, 'objects'), { recursive: true });
    await mkdir(join(dataDir, 'versions'), { recursive: true });
  },
  command: ({ installed, dataDir, ports }) => ({
    file: join(installed, 'versitygw'),
    args: ['--port', `127.0.0.1:${ports[0]}`, 'posix', '--versioning-dir', join(dataDir, 'versions'), join(dataDir, 'objects')],
    env: { ROOT_ACCESS_KEY: S3_ACCOUNT.accessKeyId, ROOT_SECRET_KEY: S3_ACCOUNT.secretAccessKey },
  }),
  address: ([port]) => `http://127.0.0.1:${port}`,
  check: checkS3,
};
