import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { cached } from '../cache.ts';
import type { ServerDefinition } from '../server-definition.ts';
import { fetchWith, requireTool } from '../toolchain.ts';

const VERSION = '0.5.3-beta.196';

/**
 * A server that speaks MongoDB's protocol, built once from the Rust registry (8 to 13 minutes on two cores). It shows whether
 * answers are right, not how fast MongoDB is. GPL-2.0: only ever run as a process of tests.
 */
export const mongodb: ServerDefinition = {
  name: 'mongodb',
  version: VERSION,
  variable: 'MONGODB_URI',
  portCount: 1,
  install: () =>
    cached(`secantus-mdb-${VERSION}`, async (folder) => {
      await requireTool('cargo', ['--version'], ['cargo-web', 'rustc-web']);
      await requireTool('cmake', ['--version'], ['cmake']);
      await requireTool('c++', ['--version'], ['g++', 'libc6-dev']);
      const target = join(folder, 'target');
      const args = ['install', 'secantus-mdb', '--version', VERSION, '--locked', '--ignore-rust-version', '-j1', '--root', folder];
      const env = { ...process.env, CARGO_TARGET_DIR: target };
      await fetchWith({ file: 'cargo', args, env }, /could not find `secantus-mdb`/);
      await rename(join(folder, 'bin/secantusd-rs'), join(folder, 'secantusd-rs'));
      await rm(target, { recursive: true, force: true });
    }),
  prepare: async ({ dataDir }) => void (await mkdir(dataDir, { recursive: true })),
  command: ({ installed, dataDir, ports }) => ({
    file: join(installed, 'secantusd-rs'),
    args: [
      '--host=127.0.0.1',
      `--port=${ports[0]}`,
      `--storage-path=${dataDir}`,
      '--cache-size=1G',
      '--log-file-max=16MB',
      '--sync-on-commit',
    ],
  }),
  address: ([port]) => `mongodb://127.0.0.1:${port}/?replicaSet=secantus`,
  check: async (uri) => {
    const client = new MongoClient(uri, { serverSelectionTimeoutMS: 2_000 });
    try {
      const documents = client.db('infra').collection<{ _id: string }>('check');
      const _id = String(Math.random());
      await documents.insertOne({ _id });
      if ((await documents.findOne({ _id })) === null) throw new Error('The document written was not found.');
      await documents.deleteOne({ _id });
    } finally {
      await client.close();
    }
  },
};
