import { CairnError } from '@cairn/core';
import { DelimiterFinder } from './delimiter.ts';
import type { Delimiter } from './delimiter.ts';
import { parsePartHeaders } from './part-headers.ts';
import type { PartHeaders } from './part-headers.ts';

/** One part of a multipart body. */
export interface MultipartPart {
  headers: PartHeaders;
  /**
   * The bytes, as views of the chunks received. What is not read of it is skipped when the next part is asked for. Throws
   * `web.bad-multipart` when the body ends before the part does.
   */
  body: AsyncIterable<Uint8Array>;
}

/** Bounds of what a reader takes. */
export interface MultipartLimits {
  /** Parts beyond this → `web.payload-too-large`. Default 100,000. */
  maxParts?: number;
}

/** Longest header block of a part and longest text before the first boundary. */
const MAX_HEADER_BYTES = 16 * 1024;
const DEFAULT_MAX_PARTS = 100_000;

/**
 * Reads a `multipart/related` body (RFC 2046 §5.1) part by part in bounded memory, whatever its chunking. Throws
 * `web.bad-multipart` for a body without the boundary, malformed headers or a missing end, `web.payload-too-large` beyond a limit.
 *
 * @example for await (const { headers, body } of readMultipart(request, boundary)) await store(headers, body);
 */
export async function* readMultipart(
  source: AsyncIterable<Uint8Array>,
  boundary: string,
  limits: MultipartLimits = {},
): AsyncGenerator<MultipartPart, void, undefined> {
  const reader = new BodyReader(source, boundary);
  try {
    const maxParts = limits.maxParts ?? DEFAULT_MAX_PARTS;
    let parts = 0;
    for (let more = await reader.skipPreamble(); more; more = await reader.skipToNextPart()) {
      if (++parts > maxParts)
        throw new CairnError('web.payload-too-large', 'The multipart body has too many parts.', { details: { maxParts } });
      yield { headers: await reader.readHeaders(), body: reader.readBody() };
    }
  } finally {
    await reader.close();
  }
}

/** The position in the body; each method continues where the one before it stopped. */
class BodyReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #finder: DelimiterFinder;
  #bytes: Buffer = Buffer.alloc(0);
  #atEnd = false;
  /** Set once the part's closing delimiter was passed. */
  #delimiter: Delimiter | undefined;
  /** Bytes at the front that are the header block's empty line: no data, but the line break of a delimiter when the body is empty. */
  #lead = 0;

  constructor(source: AsyncIterable<Uint8Array>, boundary: string) {
    this.#chunks = source[Symbol.asyncIterator]();
    this.#finder = new DelimiterFinder(boundary);
  }

  /** Moves behind the first boundary; false when the body has no part at all. */
  async skipPreamble(): Promise<boolean> {
    for (;;) {
      const found = this.#finder.findFirst(this.#bytes, this.#atEnd);
      if (found !== undefined && found.kind !== 'unknown') return this.#pass(found);
      if (this.#bytes.length > MAX_HEADER_BYTES || !(await this.#fill())) {
        throw new CairnError('web.bad-multipart', 'The body does not start with the boundary that its Content-Type names.');
      }
    }
  }

  async readHeaders(): Promise<PartHeaders> {
    this.#delimiter = undefined;
    for (;;) {
      const end = headerEnd(this.#bytes);
      if (end !== undefined && end.next <= MAX_HEADER_BYTES) {
        const block = this.#bytes.toString('latin1', 0, end.block);
        this.#lead = this.#bytes[end.next - 2] === 0x0d ? 2 : 1;
        this.#bytes = this.#bytes.subarray(end.next - this.#lead);
        return parsePartHeaders(block);
      }
      if (this.#bytes.length > MAX_HEADER_BYTES) {
        throw new CairnError('web.payload-too-large', 'The headers of a part are too long.', { details: { maxBytes: MAX_HEADER_BYTES } });
      }
      if (!(await this.#fill())) throw truncated();
    }
  }

  async *readBody(): AsyncGenerator<Buffer, void, undefined> {
    while (this.#delimiter === undefined) {
      const found = this.#finder.find(this.#bytes, this.#atEnd);
      const length = found?.start ?? this.#bytes.length;
      const data = this.#bytes.subarray(Math.min(this.#lead, length), length);
      this.#lead = Math.max(this.#lead - length, 0);
      if (found === undefined || found.kind === 'unknown') this.#bytes = this.#bytes.subarray(length);
      else this.#pass(found);
      if (data.length > 0) yield data;
      if (this.#delimiter === undefined && !(await this.#fill())) throw truncated();
    }
  }

  /** Skips what is left of the part; false behind the last one. */
  async skipToNextPart(): Promise<boolean> {
    // Consuming is the purpose: a part that nobody read to its end must not be taken for the next one's headers.
    for await (const chunk of this.readBody()) void chunk;
    return this.#delimiter?.kind === 'part';
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  #pass(delimiter: Delimiter): boolean {
    this.#delimiter = delimiter;
    this.#bytes = this.#bytes.subarray(delimiter.end);
    return delimiter.kind === 'part';
  }

  /** Takes in the next chunk; false at the end of the source. Joins only when a delimiter or header may be cut in two. */
  async #fill(): Promise<boolean> {
    if (this.#atEnd) return false;
    const { done, value } = await this.#chunks.next();
    if (done === true) this.#atEnd = true;
    else {
      const chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    }
    // The end of the source is news too: a delimiter without a line break counts only there.
    return true;
  }
}

/** Where the header block ends and the body begins; a part without headers starts with the empty line. */
function headerEnd(bytes: Buffer): { block: number; next: number } | undefined {
  if (bytes[0] === 0x0a) return { block: 0, next: 1 };
  if (bytes[0] === 0x0d && bytes[1] === 0x0a) return { block: 0, next: 2 };
  const crlf = bytes.indexOf('\r\n\r\n');
  const lf = bytes.subarray(0, crlf < 0 ? Math.min(bytes.length, MAX_HEADER_BYTES) : crlf).indexOf('\n\n');
  if (lf >= 0) return { block: lf, next: lf + 2 };
  return crlf < 0 ? undefined : { block: crlf, next: crlf + 4 };
}

function truncated(): CairnError {
  return new CairnError('web.bad-multipart', 'The multipart body ends without its closing boundary.');
}
