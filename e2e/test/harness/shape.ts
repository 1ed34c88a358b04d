import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from '@jest/globals';
import { keysIn, uploadsIn } from './bucket.ts';

/** The clone's folder. */
export const REPOSITORY = join(import.meta.dirname, '../../..');

/** One process on embedded stores, or every service as processes of its own on real servers. */
export type ShapeName = 'standalone' | 'services';

/** How the archive is started in a shape, and what its object store holds. */
export interface Shape {
  /** Node's arguments that start the archive. */
  command: readonly string[];
  /** Settings for a data folder. */
  environment(dataDir: string): Readonly<Record<string, string>>;
  /** Keys of stored instances. */
  storedObjects(dataDir: string): Promise<string[]>;
  /** What was begun to be stored and not finished. */
  unfinishedObjects(dataDir: string): Promise<string[]>;
}

/** The shape that this run of the suites is about. */
export const SHAPE: ShapeName = process.env['CAIRN_E2E_SHAPE'] === 'services' ? 'services' : 'standalone';

/** A test of what only the embedded stores have; skipped and counted in the other shape. */
export const itStandalone = SHAPE === 'standalone' ? it : it.skip;

/** Processes that take associations. */
export const GATEWAYS = SHAPE === 'standalone' ? 1 : 2;

const REPLICAS = 'dicom-gateway=2,indexer=2,query-retrieve=2';
const BUCKET = 'cairn-e2e';

const standalone: Shape = {
  command: ['--no-memory-protection-keys', join(REPOSITORY, 'services/standalone/bin/cairn.mjs'), 'start'],
  environment: () => ({}),
  storedObjects: async (dataDir) => (await namesIn(join(dataDir, 'objects'))).filter((name) => name.endsWith('.dcm')),
  unfinishedObjects: async (dataDir) => (await namesIn(dataDir)).filter((name) => /tmp|partial|incoming/.test(name) && /\d/.test(name)),
};

const services: Shape = {
  command: [
    '--conditions=@cairn/source',
    '--disable-warning=ExperimentalWarning',
    '--disable-warning=TimeoutNegativeWarning',
    join(REPOSITORY, 'tools/services/src/main.ts'),
  ],
  environment: (dataDir) => ({
    ...infrastructure(),
    CAIRN_REPLICAS: REPLICAS,
    CAIRN_S3_BUCKET: BUCKET,
    CAIRN_S3_PREFIX: `${nameOf(dataDir)}/`,
    CAIRN_MONGODB_DATABASE: nameOf(dataDir),
    CAIRN_KAFKA_PREFIX: `${nameOf(dataDir)}.`,
  }),
  storedObjects: async (dataDir) =>
    (await keysIn({ environment: infrastructure(), bucket: BUCKET, prefix: `${nameOf(dataDir)}/landing/` })).filter((key) =>
      key.endsWith('.dcm'),
    ),
  unfinishedObjects: (dataDir) => uploadsIn({ environment: infrastructure(), bucket: BUCKET, prefix: `${nameOf(dataDir)}/` }),
};

/** Both shapes. */
export const SHAPES: Readonly<Record<ShapeName, Shape>> = { standalone, services };

/** A name on the shared servers that belongs to a data folder: the same again after a restart. */
function nameOf(dataDir: string): string {
  return `e2e-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`;
}

function infrastructure(): Record<string, string> {
  return JSON.parse(process.env['CAIRN_E2E_INFRASTRUCTURE'] ?? '{}') as Record<string, string>;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder, { recursive: true }).catch(() => []);
}
