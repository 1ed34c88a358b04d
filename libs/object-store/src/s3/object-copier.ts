import type { Bucket, BucketObject, UploadedPart } from './bucket.ts';
import { createOnce } from './create-once.ts';
import { encodeRecord } from './object-record.ts';
import type { ObjectRecord } from './object-record.ts';
import { takenError } from './s3-errors.ts';

/** S3 copies at most 5 GiB by one request; a smaller bound lets a request end in time. */
const COPY_PART_BYTES = 256 * 1024 * 1024;

/** Copies an object inside its bucket without moving bytes through this process; `record` becomes the copy's metadata. */
export async function copyObject(
  bucket: Bucket,
  from: { key: string; object: BucketObject },
  to: { key: string; record: ObjectRecord },
  partBytes = COPY_PART_BYTES,
): Promise<void> {
  if ((await bucket.head(to.key)) !== undefined) throw takenError();
  if (from.object.sizeBytes > partBytes) return copyInParts(bucket, from, to, partBytes);
  const attempt = (): Promise<void> => bucket.tryCopy(from.key, to.key, from.object.etag, encodeRecord(to.record));
  await createOnce(bucket, { key: to.key, putId: to.record.putId, attempt });
}

async function copyInParts(
  bucket: Bucket,
  from: { key: string; object: BucketObject },
  to: { key: string; record: ObjectRecord },
  partBytes: number,
): Promise<void> {
  const { sizeBytes, etag } = from.object;
  const id = await bucket.createUpload(to.key, encodeRecord(to.record), false);
  try {
    const parts: UploadedPart[] = [];
    for (let start = 0; start < sizeBytes; start += partBytes) {
      const range = `bytes=${start}-${Math.min(start + partBytes, sizeBytes) - 1}`;
      parts.push(await bucket.copyPart(to.key, { id, number: parts.length + 1 }, { key: from.key, etag, range }));
    }
    const attempt = (): Promise<void> => bucket.tryComplete(to.key, id, parts);
    await createOnce(bucket, { key: to.key, putId: to.record.putId, attempt });
  } catch (error) {
    await bucket.abortUpload(to.key, id).catch(() => undefined);
    throw error;
  }
}
