import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  boundaryFor,
  boundaryOf,
  bytesSegment,
  multipartSegments,
  multipartType,
  parseMediaType,
  partHeader,
  readMultipart,
  readSegments,
  totalSize,
} from '../src/index.ts';
import type { MultipartLimits } from '../src/index.ts';

interface ReadPart {
  headers: Record<string, string>;
  body: string;
}

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function readAll(text: string | Buffer, boundary = 'b', chunkSize = 1 << 20, limits?: MultipartLimits): Promise<ReadPart[]> {
  const parts: ReadPart[] = [];
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
  for await (const part of readMultipart(inChunks(bytes, chunkSize), boundary, limits)) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of part.body) chunks.push(chunk);
    parts.push({ headers: Object.fromEntries(part.headers), body: Buffer.concat(chunks).toString('latin1') });
  }
  return parts;
}

const CODES = (code: string) => expect.objectContaining({ code });

describe('a multipart body', () => {
  const twoParts = '--b\r\nContent-Type: application/dicom\r\n\r\none\r\n--b\r\ncontent-type:x/y\r\n\r\n\r\ntwo\r\n\r\n--b--\r\n';

  it.each([1, 2, 3, 5, 7, 64])('is split in chunks of %d bytes', async (size) => {
    expect(await readAll(twoParts, 'b', size)).toEqual([
      { headers: { 'content-type': 'application/dicom' }, body: 'one' },
      { headers: { 'content-type': 'x/y' }, body: '\r\ntwo\r\n' },
    ]);
  });

  it.each([
    ['with a leading line break, as OHIF and dcm4che write it', '\r\n--b\r\n\r\none\r\n--b--'],
    ['with a preamble and an epilogue', 'ignored --b\r\n--b\r\n\r\none\r\n--b--\r\nignored\r\n--b\r\n'],
    ['with blanks after the boundary', '--b \t\r\n\r\none\r\n--b-- \r\n'],
    ['with bare line feeds', '--b\nContent-Type: x/y\n\none\n--b--\n'],
    ['without a final line break', '--b\r\n\r\none\r\n--b--'],
  ])('is taken %s', async (_form, text) => {
    expect((await readAll(text)).map(({ body }) => body)).toEqual(['one']);
    expect((await readAll(text, 'b', 1)).map(({ body }) => body)).toEqual(['one']);
  });

  it('keeps carriage returns before a line feed delimiter when the body uses bare line feeds', async () => {
    expect((await readAll('--b\n\none\r\n--b--\n')).map(({ body }) => body)).toEqual(['one\r']);
  });

  it('case 45: is split right when pixel data hold the boundary', async () => {
    const pixels = 'x--b-and-more\r\n--b\n\r\nx--b\r\nxx--b--\r\n\r\n--bb\r\n\r\n--b-\r\n\r\n--b--x\r\n\r\n--bxx';
    const parts = await readAll(`--b\r\n\r\n${pixels}\r\n--b\r\n\r\ntwo\r\n--b--`, 'b', 1);
    expect(parts[0]?.body).toBe(pixels);
    expect(parts.map(({ body }) => body)).toEqual([pixels, 'two']);
  });

  it('case 45: may have empty parts, with and without headers', async () => {
    const parts = await readAll('--b\r\n\r\n--b\r\nA: b\r\n\r\n--b\r\n\r\n\r\n--b--');
    expect(parts).toEqual([
      { headers: {}, body: '' },
      { headers: { a: 'b' }, body: '' },
      { headers: {}, body: '' },
    ]);
  });

  it('case 45: of too many empty parts → web.payload-too-large', async () => {
    await expect(readAll(`${'--b\r\n\r\n'.repeat(200_000)}--b--`)).rejects.toEqual(CODES('web.payload-too-large'));
  });

  it('case 45: with a header of 1 MB → web.payload-too-large', async () => {
    await expect(readAll(`--b\r\nA: ${'x'.repeat(1 << 20)}\r\n\r\none\r\n--b--`, 'b', 4096)).rejects.toEqual(
      CODES('web.payload-too-large'),
    );
  });

  it.each([
    ['another boundary', '--c\r\n\r\none\r\n--c--'],
    ['nothing at all', ''],
    ['a preamble without end', 'x'.repeat(100_000)],
    ['no end', '--b\r\n\r\none'],
    ['an end inside the delimiter', '--b\r\n\r\none\r\n--b'],
    ['an end inside the headers', '--b\r\nContent-Type: x/y'],
    ['an empty header name', '--b\r\n: x\r\n\r\none\r\n--b--'],
    ['a header without colon', '--b\r\ncontent-type\r\n\r\none\r\n--b--'],
    ['a header name with blanks', '--b\r\nContent Type: x/y\r\n\r\none\r\n--b--'],
    ['a control character in a name', '--b\r\nA\0: x\r\n\r\none\r\n--b--'],
  ])('case 44: with %s → web.bad-multipart', async (_damage, text) => {
    await expect(readAll(text)).rejects.toEqual(CODES('web.bad-multipart'));
    await expect(readAll(text, 'b', 1)).rejects.toEqual(CODES('web.bad-multipart'));
  });

  it('case 44: with crafted field names and file names is only bytes to us', async () => {
    const header = 'Content-Disposition: form-data; name="__proto__"; filename*=%FF\'\'%FF; filename="../../x"';
    const [part] = await readAll(`--b\r\n${header}\r\n__proto__: x\r\n\r\none\r\n--b--`);
    expect(part?.body).toBe('one');
    expect(Object.getPrototypeOf(part?.headers)).toBe(Object.prototype);
  });

  it('skips what was not read of a part', async () => {
    const seen: (string | undefined)[] = [];
    for await (const part of readMultipart(inChunks(Buffer.from(twoParts), 3), 'b')) seen.push(part.headers.get('content-type'));
    expect(seen).toEqual(['application/dicom', 'x/y']);
  });

  it('ends its source when the reader stops early', async () => {
    let ended = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Buffer.from(twoParts);
      } finally {
        ended = true;
      }
    }
    for await (const part of readMultipart(source(), 'b')) {
      void part;
      break;
    }
    expect(ended).toBe(true);
  });

  it('gives views of the received chunks, no copies', async () => {
    const chunk = Buffer.from(`--b\r\n\r\n${'x'.repeat(1000)}`);
    async function* source(): AsyncGenerator<Uint8Array> {
      yield chunk;
      yield Buffer.from('\r\n--b--');
    }
    for await (const part of readMultipart(source(), 'b')) {
      for await (const bytes of part.body) expect(bytes.buffer).toBe(chunk.buffer);
    }
  });

  it('comes back from the writer whatever its parts and chunks hold', async () => {
    const fragment = fc.constantFrom('\r\n', '\r', '\n', '--', '-', boundaryFor('seed'), `\r\n--${boundaryFor('seed')}x`, ' ', 'abc', '\0');
    const body = fc.array(fc.oneof(fragment, fc.string({ maxLength: 5 })), { maxLength: 20 }).map((pieces) => pieces.join(''));
    await fc.assert(
      fc.asyncProperty(fc.array(body, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 40 }), async (bodies, chunkSize) => {
        const boundary = boundaryFor('seed');
        const ambiguous = bodies.some((text) => new RegExp(`(^|\\r\\n)--${boundary}(--)?[ \\t]*(\\r?\\n|$)`).test(text));
        fc.pre(!ambiguous);
        const parts = bodies.map((text) => ({ contentType: 'a/b', ...bytesSegment(Buffer.from(text, 'latin1')) }));
        const bytes = await joined(multipartSegments(boundary, parts));
        const read = await readAll(bytes, boundary, chunkSize);
        expect(read.map((part) => part.body)).toEqual(bodies.map((text) => Buffer.from(text, 'latin1').toString('latin1')));
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('never crashes on damage: right parts or one of our errors', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(twoParts.length), fc.nat(20), fc.string({ maxLength: 6 }), async (at, length, text) => {
        const damaged = twoParts.slice(0, at) + text + twoParts.slice(at + length);
        const outcome = await readAll(damaged, 'b', 3).catch((error: unknown) => error);
        if (!Array.isArray(outcome)) expect(outcome).toHaveProperty('code', expect.stringMatching(/^web\./));
      }),
      { numRuns: 500, seed: 2 },
    );
  });
});

async function joined(segments: Parameters<typeof readSegments>[0], start = 0, end = totalSize(segments)): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readSegments(segments, start, end)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('the writer', () => {
  const contentType = 'application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1';
  const parts = ['first', '', 'third'].map((text) => ({ contentType, location: 'http://h/x', ...bytesSegment(Buffer.from(text)) }));
  const segments = multipartSegments('bb', parts);

  it('spells Content-Type exactly, ends lines with CRLF, leaves transfer-syntax unquoted', async () => {
    const text = (await joined(segments)).toString();
    expect(text).toBe(
      ['first', '', 'third']
        .map((body, index) => {
          const header = `Content-Type: ${contentType}\r\nContent-Length: ${body.length}\r\nContent-Location: http://h/x\r\n\r\n`;
          return `${index === 0 ? '' : '\r\n'}--bb\r\n${header}${body}`;
        })
        .join('') + '\r\n--bb--\r\n',
    );
    expect(text.length).toBe(totalSize(segments));
  });

  it('ends the first header block within 1,000 bytes, whatever the address', () => {
    const header = partHeader(boundaryFor('x'), { contentType, location: `http://${'h'.repeat(5000)}` }, true);
    expect(header.indexOf('\r\n\r\n')).toBeLessThan(1000);
  });

  it('gives any range, so that pieces glued together are the whole', async () => {
    const whole = await joined(segments);
    for (let start = 0; start < whole.length; start += 7) {
      expect(await joined(segments, start, Math.min(start + 7, whole.length))).toEqual(whole.subarray(start, start + 7));
    }
  });

  it('keeps its boundary from request to request', () => {
    expect(boundaryFor('same')).toBe(boundaryFor('same'));
    expect(boundaryFor('same')).not.toBe(boundaryFor('other'));
    const type = parseMediaType(multipartType('application/dicom', boundaryFor('same')));
    expect(type && boundaryOf(type)).toBe(boundaryFor('same'));
  });
});

describe('the boundary of a Content-Type', () => {
  it.each([
    ['quoted', 'multipart/related; type="application/dicom"; boundary="guid-1"', 'guid-1'],
    ['unquoted, as dcm4che writes it', 'multipart/related; type=application/dicom; boundary=myboundary', 'myboundary'],
    ['with a trailing semicolon, as CTP writes it', 'multipart/related; type=application/dicom; boundary=x;', 'x'],
  ])('is taken %s', (_form, text, expected) => {
    expect(boundaryOf(parseMediaType(text)!)).toBe(expected);
  });

  it.each([
    ['multipart/related'],
    ['multipart/related; boundary='],
    ['multipart/related; boundary="a\r\nb"'],
    [`multipart/related; boundary=${'x'.repeat(71)}`],
  ])('case 44: is refused in %j', (text) => {
    expect(() => boundaryOf(parseMediaType(text)!)).toThrow(CODES('web.bad-multipart'));
  });
});
