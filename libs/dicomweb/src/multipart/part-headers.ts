import { CairnError } from '@cairn/core';

/** Headers of a part, names in lower case; of a repeated one the first. */
export type PartHeaders = ReadonlyMap<string, string>;

const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Reads the header block of a part (RFC 5322 §2.2), without its empty line. Throws `web.bad-multipart` for a line that is no field. */
export function parsePartHeaders(block: string): PartHeaders {
  const headers = new Map<string, string>();
  // A line that starts with a blank continues the one before it.
  for (const line of block.replaceAll(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    if (line === '') continue;
    const at = line.indexOf(':');
    const name = line.slice(0, Math.max(at, 0)).trimEnd().toLowerCase();
    if (!FIELD_NAME.test(name)) throw new CairnError('web.bad-multipart', 'A part has a header line that is no header field.');
    if (!headers.has(name)) headers.set(name, line.slice(at + 1).trim());
  }
  return headers;
}
