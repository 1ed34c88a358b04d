import { randomUUID } from 'node:crypto';
import { serverForTests } from '@cairn/infra';
import type { RunningServer } from '@cairn/infra';
import { S3ObjectStore } from '@cairn/object-store/s3';
import type { S3ObjectStoreOptions } from '@cairn/object-store/s3';

/** The products that every S3 test runs on. */
export const S3_PRODUCTS = ['seaweedfs', 'versitygw'] as const;

export type S3Product = (typeof S3_PRODUCTS)[number];

/** The product's server; undefined where it cannot be had. */
export function s3Server(product: S3Product): Promise<RunningServer | undefined> {
  return serverForTests(product);
}

/** Options for an empty store of its own in the server's one bucket. */
export function storeOptions(server: RunningServer, changes: Partial<S3ObjectStoreOptions> = {}): S3ObjectStoreOptions {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = server.environment;
  return {
    bucket: process.env['S3_BUCKET'] ?? 'cairn-contract',
    prefix: `${randomUUID()}/`,
    endpoint: server.address,
    region: 'us-east-1',
    createBucket: true,
    ...(accessKeyId === undefined || secretAccessKey === undefined ? {} : { credentials: { accessKeyId, secretAccessKey } }),
    ...changes,
  };
}

/** Opens {@link storeOptions}. */
export function openStore(server: RunningServer, changes: Partial<S3ObjectStoreOptions> = {}): Promise<S3ObjectStore> {
  return S3ObjectStore.open(storeOptions(server, changes));
}
