import {
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  RestoreObjectCommand,
} from '@aws-sdk/client-s3';
import { randomUUID } from 'node:crypto';
import type { Bucket } from './bucket.ts';
import { hashedText } from './hashed-body.ts';
import { isNotImplemented, isTaken, nameOf, statusOf, storeError } from './s3-errors.ts';

/** `unknown`: the account may not ask, or the product's answer leaves it open. */
export type Capability = 'yes' | 'no' | 'unknown';

/** What an S3 product was found to do, without changing the bucket's configuration. */
export interface S3Capabilities {
  /** Of two puts of one key at the same time exactly one succeeds. */
  conditionalPut: Capability;
  /**
   * Lists give keys in byte order even where a folder's name begins another name (`a/x` after `a-b`); else in the order of their
   * segments.
   */
  byteOrder: Capability;
  /** A body that differs from its checksum header is refused. */
  checksums: Capability;
  /** The bucket keeps versions. */
  versioning: Capability;
  /** The bucket can lock objects for a time. */
  objectLock: Capability;
  /** Rules of the bucket move objects to other storage classes. `unknown` where it has none yet. */
  lifecycleTransitions: Capability;
  /** Objects of an archive class can be asked back. */
  restore: Capability;
}

/** Asks the product; also proves that the bucket can be written, read and cleared. */
export async function probeCapabilities(bucket: Bucket): Promise<S3Capabilities> {
  const key = `~probe/${randomUUID()}`;
  try {
    return {
      conditionalPut: await probeConditionalPut(bucket, key),
      byteOrder: await probeByteOrder(bucket, `${key}-order`),
      checksums: await probeChecksums(bucket, `${key}-damaged`),
      versioning: await probeVersioning(bucket),
      objectLock: await probeObjectLock(bucket),
      lifecycleTransitions: await probeLifecycle(bucket),
      restore: await probeRestore(bucket, key),
    };
  } finally {
    await bucket.remove(key).catch(() => undefined);
    await bucket.remove(`${key}-damaged`).catch(() => undefined);
  }
}

async function probeConditionalPut(bucket: Bucket, key: string): Promise<Capability> {
  const put = (): Promise<void> => bucket.retries.run(() => bucket.tryPut(key, hashedText('probe'), {}, true));
  const results = await Promise.allSettled([put(), put()]);
  const [failure] = results.filter((result) => result.status === 'rejected');
  if (failure === undefined) return 'no';
  if (!isTaken(failure.reason)) throw storeError(failure.reason);
  return 'yes';
}

async function probeByteOrder(bucket: Bucket, folder: string): Promise<Capability> {
  const keys = [`${folder}/a-b`, `${folder}/a/x`];
  for (const key of keys) await bucket.put(key, hashedText('probe'));
  const listed: string[] = [];
  for await (const { key } of bucket.list(`${folder}/`)) listed.push(key);
  for (const key of keys) await bucket.remove(key);
  return listed[0] === keys[0] ? 'yes' : 'no';
}

/** Sends a body with the checksum of another one; the digest that is signed is the right one. */
async function probeChecksums(bucket: Bucket, key: string): Promise<Capability> {
  return bucket.retries.run(async () => {
    try {
      await bucket.tryPutDamaged(key);
      return 'no';
    } catch (error) {
      if (statusOf(error) === 400) return 'yes';
      throw error;
    }
  });
}

function probeVersioning(bucket: Bucket): Promise<Capability> {
  return ask(bucket, async () => {
    const { Status } = await bucket.client.send(new GetBucketVersioningCommand({ Bucket: bucket.name }));
    return Status === 'Enabled' ? 'yes' : 'no';
  });
}

function probeObjectLock(bucket: Bucket): Promise<Capability> {
  return ask(bucket, async () => {
    const command = new GetObjectLockConfigurationCommand({ Bucket: bucket.name });
    const { ObjectLockConfiguration } = await bucket.client.send(command);
    return ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled' ? 'yes' : 'no';
  });
}

function probeLifecycle(bucket: Bucket): Promise<Capability> {
  return ask(bucket, async () => {
    const { Rules = [] } = await bucket.client.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket.name }));
    return Rules.some((rule) => (rule.Transitions ?? []).length > 0) ? 'yes' : 'unknown';
  });
}

/** A product that restores refuses it for an object that was never archived. */
function probeRestore(bucket: Bucket, key: string): Promise<Capability> {
  return ask(bucket, async () => {
    try {
      await bucket.client.send(new RestoreObjectCommand({ ...bucket.target(key), RestoreRequest: { Days: 1 } }));
      return 'unknown';
    } catch (error) {
      if (nameOf(error) === 'InvalidObjectState') return 'yes';
      throw error;
    }
  });
}

/** Not known to the product → `no`; not configured → what absence means; not allowed → `unknown`. */
async function ask(bucket: Bucket, question: () => Promise<Capability>): Promise<Capability> {
  try {
    return await bucket.retries.run(question);
  } catch (error) {
    if (isNotImplemented(error)) return 'no';
    return nameOf(error) === 'ObjectLockConfigurationNotFoundError' ? 'no' : 'unknown';
  }
}
