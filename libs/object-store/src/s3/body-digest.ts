import type { S3Client } from '@aws-sdk/client-s3';
import { Readable } from 'node:stream';
import type { HashedBody } from './hashed-body.ts';

const DIGESTS = new WeakMap<object, string>();

/** The body as the SDK takes it; made anew for every try, because a stream can be read once. */
export function sendableBody({ chunks, sha256 }: HashedBody): Readable | Uint8Array {
  const body = chunks.length > 1 ? Readable.from(chunks) : (chunks[0] ?? new Uint8Array(0));
  DIGESTS.set(body, sha256.toString('hex'));
  return body;
}

/** Lets signatures cover bodies by digests that are known already; the SDK would leave a stream's out and hash other bodies again. */
export function signBodyDigests(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (request) => {
      const { input } = request;
      const body = 'Body' in input ? input.Body : undefined;
      const digest = typeof body === 'object' ? DIGESTS.get(body) : undefined;
      const { headers } = request.request as { headers: Record<string, string> };
      if (digest !== undefined) headers['x-amz-content-sha256'] = digest;
      return next(request);
    },
    { step: 'build', name: 'cairnBodyDigests' },
  );
}
