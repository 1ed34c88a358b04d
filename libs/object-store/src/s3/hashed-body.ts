import { createHash } from 'node:crypto';

/** Bytes of a body and their SHA-256, which signature and checksum are made of. */
export interface HashedBody {
  chunks: readonly Uint8Array[];
  sizeBytes: number;
  sha256: Buffer;
}

/** A text as a body. */
export function hashedText(text: string): HashedBody {
  const bytes = Buffer.from(text);
  return { chunks: [bytes], sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest() };
}
