import { createHash } from 'node:crypto';

/** A weak entity tag (RFC 9110 §8.8.3) over the parts that decide a representation; weak, because its content coding may vary. */
export function weakEntityTag(parts: Iterable<string>): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\n');
  return `W/"${hash.digest('base64url').slice(0, 27)}"`;
}

/** True when If-None-Match names the tag, by weak comparison, or anything. */
export function matchesEntityTag(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  const opaque = tag.replace(/^W\//, '');
  return header.split(',').some((candidate) => candidate.trim() === '*' || candidate.trim().replace(/^W\//, '') === opaque);
}
