import { deflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FrameTable } from '@cairn/dicom';
import { BIG_ENDIAN, DEFLATED, EXPLICIT, JPEG, anArchive, collect, scope } from './fixture.ts';
import type { Archive, StoredSpec } from './fixture.ts';

const PREFIX = Buffer.from('prefix of twenty byt');
const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('frames of an ArchiveRetriever', () => {
  let archive: Archive;
  beforeEach(async () => (archive = await anArchive()));
  afterEach(() => archive.close());

  const frame = async (spec: StoredSpec, number: number, range?: { start: number; end?: number }): Promise<Buffer> => {
    const { frames } = await archive.retriever.frames(scope, await archive.add(spec), [number]);
    const bytes = await collect(frames[0]!.open(range));
    if (range === undefined) expect(bytes).toHaveLength(frames[0]!.sizeBytes);
    return bytes;
  };

  describe('native', () => {
    const native = (length: number, frameBits: number, count: number, offset = PREFIX.length): FrameTable => ({
      kind: 'native',
      offset,
      length,
      frameBits,
      count,
    });
    const value = bytesOf('aabbccddeeff');
    const spec: StoredSpec = {
      bytes: Buffer.concat([PREFIX, value, bytesOf('trailing')]),
      pixels: { numberOfFrames: 3, frames: native(12, 32, 3) },
    };

    it('gives each frame and no byte of its neighbours', async () => {
      expect((await frame(spec, 1)).toString()).toBe('aabb');
      expect((await frame(spec, 3)).toString()).toBe('eeff');
    });

    it('finds frames of an instance inside a pack', async () => {
      expect((await frame({ ...spec, before: bytesOf('other members of the pack') }, 2)).toString()).toBe('ccdd');
    });

    it('gives ranges', async () => {
      expect((await frame(spec, 2, { start: 1, end: 3 })).toString()).toBe('cd');
      expect((await frame(spec, 2, { start: 3 })).toString()).toBe('d');
      expect((await frame(spec, 2, { start: 2, end: 99 })).toString()).toBe('dd');
      await expect(frame(spec, 2, { start: 5 })).rejects.toMatchObject({ code: 'object-store.invalid-range' });
    });

    it('keeps the order asked for, twice the same frame too', async () => {
      const { frames, mediaType, transferSyntaxUid } = await archive.retriever.frames(scope, await archive.add(spec), [3, 1, 3]);
      const texts = await Promise.all(frames.map(async (each) => (await collect(each.open())).toString()));
      expect(texts).toEqual(['eeff', 'aabb', 'eeff']);
      expect(frames.map(({ number }) => number)).toEqual([3, 1, 3]);
      expect({ mediaType, transferSyntaxUid }).toEqual({ mediaType: 'application/octet-stream', transferSyntaxUid: EXPLICIT });
    });

    it('moves frames that begin within a byte to begin at one (1-bit segmentations)', async () => {
      // Three frames of 10 bits: 0x2A5, 0x1F3, 0x00F, least significant bit first.
      const packed = (0x2a5n | (0x1f3n << 10n) | (0x00fn << 20n)).toString(16).padStart(8, '0');
      const bits: StoredSpec = {
        bytes: Buffer.concat([PREFIX, Buffer.from(packed, 'hex').reverse()]),
        pixels: { vr: 'OB', bitsAllocated: 1, frames: native(4, 10, 3) },
      };
      expect((await frame(bits, 1)).toString('hex')).toBe('a502');
      expect((await frame(bits, 2)).toString('hex')).toBe('f301');
      expect((await frame(bits, 3)).toString('hex')).toBe('0f00');
      expect((await frame(bits, 2, { start: 1, end: 2 })).toString('hex')).toBe('01');
    });

    it('gives big endian words as little endian, frames of odd length too', async () => {
      const words: StoredSpec = {
        bytes: Buffer.concat([PREFIX, Buffer.from('0102030405060708', 'hex')]),
        transferSyntaxUid: BIG_ENDIAN,
        pixels: { frames: native(8, 24, 2) },
      };
      expect((await frame(words, 1)).toString('hex')).toBe('020104');
      expect((await frame(words, 2)).toString('hex')).toBe('030605');
      expect((await frame(words, 2, { start: 1, end: 2 })).toString('hex')).toBe('06');
      const bytes: StoredSpec = { ...words, pixels: { vr: 'OB', frames: native(8, 24, 2) } };
      expect((await frame(bytes, 2)).toString('hex')).toBe('040506');
      const { transferSyntaxUid } = await archive.retriever.frames(scope, await archive.add(words), [1]);
      expect(transferSyntaxUid).toBe(EXPLICIT);
    });

    it('reads a deflated data set by inflating', async () => {
      const deflated = deflateRawSync(Buffer.concat([bytesOf('head'), value, bytesOf('tail')]));
      const spec: StoredSpec = {
        bytes: Buffer.concat([PREFIX, deflated]),
        transferSyntaxUid: DEFLATED,
        dataSetOffset: PREFIX.length,
        pixels: { numberOfFrames: 3, frames: native(12, 32, 3, PREFIX.length + 4) },
      };
      expect((await frame(spec, 2)).toString()).toBe('ccdd');
    });

    it('refuses a frame whose bytes are missing', async () => {
      const short: StoredSpec = { ...spec, pixels: { frames: native(10, 32, 3) } };
      expect((await frame(short, 2)).toString()).toBe('ccdd');
      await expect(frame(short, 3)).rejects.toMatchObject({ code: 'archive.frame-not-found', details: { pixelDataBytes: 10 } });
    });
  });

  describe('encapsulated', () => {
    const table: FrameTable = {
      kind: 'encapsulated',
      frames: [
        [[0, 4]],
        [
          [12, 2],
          [22, 2],
        ],
        [],
      ],
    };
    const spec: StoredSpec = {
      bytes: bytesOf('AAAAitemheadBCitemheadDE'),
      transferSyntaxUid: JPEG,
      pixels: { numberOfFrames: 3, frames: table },
    };

    it('joins the fragments of a frame without what lies between', async () => {
      expect((await frame(spec, 1)).toString()).toBe('AAAA');
      expect((await frame(spec, 2)).toString()).toBe('BCDE');
    });

    it('gives ranges across fragments', async () => {
      expect((await frame(spec, 2, { start: 1, end: 3 })).toString()).toBe('CD');
      expect((await frame(spec, 2, { start: 2 })).toString()).toBe('DE');
    });

    it('names media type and stored syntax', async () => {
      const outgoing = await archive.retriever.frames(scope, await archive.add(spec), [2]);
      expect(outgoing).toMatchObject({ mediaType: 'image/jpeg', transferSyntaxUid: JPEG });
    });

    it('refuses a frame without fragments', async () => {
      await expect(frame(spec, 3)).rejects.toMatchObject({ code: 'archive.frame-not-found' });
    });

    it('gives a video whole, as its only frame', async () => {
      const video: StoredSpec = {
        ...spec,
        transferSyntaxUid: '1.2.840.10008.1.2.4.102',
        pixels: {
          numberOfFrames: 250,
          frames: {
            kind: 'video',
            fragments: [
              [0, 4],
              [12, 2],
            ],
          },
        },
      };
      expect((await frame(video, 1)).toString()).toBe('AAAABC');
      await expect(frame(video, 2)).rejects.toMatchObject({ code: 'archive.frame-not-found', details: { numberOfFrames: 1 } });
    });

    it('case 33: a table that leads outside the instance gives an error, never bytes of the next object', async () => {
      const lying: StoredSpec = {
        ...spec,
        before: bytesOf('another instance of the pack'),
        pixels: { frames: { kind: 'encapsulated', frames: [[[20, 40]]] } },
      };
      await expect(frame(lying, 1)).rejects.toMatchObject({ code: 'archive.frame-not-found' });
    });

    it('case 42: 100,000 frames, each one ranged read, the table read once', async () => {
      const frames = Array.from({ length: 100_000 }, (_, index) => [[index % 16, 2]] as const);
      const selector = await archive.add({
        bytes: bytesOf('0123456789abcdefgh'),
        transferSyntaxUid: JPEG,
        pixels: { numberOfFrames: frames.length, frames: { kind: 'encapsulated', frames } },
      });
      for (const [number, text] of [
        [1, '01'],
        [99_999, 'ef'],
        [100_000, 'fg'],
      ] as const) {
        const outgoing = await archive.retriever.frames(scope, selector, [number]);
        expect((await collect(outgoing.frames[0]!.open())).toString()).toBe(text);
      }
      expect(archive.index.asked.filter(({ pixels }) => pixels)).toHaveLength(1);
    });

    it('reads the table again when another version became the current one', async () => {
      const many = Array.from({ length: 100 }, () => [[0, 2]] as const);
      const selector = await archive.add({ ...spec, pixels: { frames: { kind: 'encapsulated', frames: many } } });
      await archive.retriever.frames(scope, selector, [1]);
      await archive.add({ ...spec, sopInstanceUid: selector.sopInstanceUid });
      archive.index.held.shift();
      const { frames } = await archive.retriever.frames(scope, selector, [2]);
      expect((await collect(frames[0]!.open())).toString()).toBe('BCDE');
    });
  });

  it.each([0, -1, 4, 1.5, Number.NaN])('refuses frame %d of three', async (number) => {
    const pixels = { frames: { kind: 'native', offset: 0, length: 3, frameBits: 8, count: 3 } } as const;
    await expect(frame({ bytes: bytesOf('abc'), pixels }, number)).rejects.toMatchObject({ code: 'archive.frame-not-found' });
  });

  it('refuses instances without pixel data, or whose frames cannot be told apart, with the reason', async () => {
    await expect(frame({ bytes: bytesOf('abc') }, 1)).rejects.toMatchObject({ code: 'archive.frame-not-found' });
    const problem = 'no offset table';
    await expect(frame({ bytes: bytesOf('abc'), pixels: { problem } }, 1)).rejects.toMatchObject({
      code: 'archive.frame-not-found',
      details: { reason: problem },
    });
  });

  it('refuses instances that do not exist', async () => {
    const selector = { studyInstanceUid: '1', seriesInstanceUid: '2', sopInstanceUid: '3' };
    await expect(archive.retriever.frames(scope, selector, [1])).rejects.toMatchObject({ code: 'archive.not-found' });
  });
});
