import type { Bucket } from './bucket.ts';
import { decodeRecord } from './object-record.ts';
import { isAbsent, isTaken, isTransient, storeError, takenError } from './s3-errors.ts';

/** A create-only write, which can be tried again. */
export interface CreateOnce {
  key: string;
  /** Identity of the put in the object's metadata; the digest of the bytes is bound to it there. */
  putId: string;
  attempt: () => Promise<void>;
}

/**
 * Makes a create-only write succeed exactly once over lost answers: when a try is refused because the object exists (or the upload
 * is gone), after one whose outcome is unknown, the object says by its put identity whether it is the one just written. Another's
 * object → `object-store.already-exists`.
 */
export async function createOnce(bucket: Bucket, { key, putId, attempt }: CreateOnce): Promise<void> {
  if (!bucket.createOnly && (await bucket.head(key)) !== undefined) throw takenError();
  let uncertain = false;
  try {
    await bucket.retries.run(async () => {
      try {
        await attempt();
      } catch (error) {
        uncertain ||= isTransient(error);
        throw error;
      }
    });
  } catch (error) {
    if (!uncertain) throw isTaken(error) ? takenError() : storeError(error);
    const written = await holder(bucket, key).catch(() => undefined);
    if (written === putId) return;
    if (written !== undefined && (isTaken(error) || isAbsent(error))) throw takenError();
    throw storeError(error);
  }
}

/** Put identity of the object under a key; undefined when there is none. */
async function holder(bucket: Bucket, key: string): Promise<string | undefined> {
  const object = await bucket.head(key);
  return object && decodeRecord(object.metadata).putId;
}
