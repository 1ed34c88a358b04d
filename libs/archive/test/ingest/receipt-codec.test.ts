import { gunzipSync } from 'node:zlib';
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { InstanceReceipt } from '@cairn/metadata-store';
import { decodeReceipt, encodeReceipt } from '../../src/ingest/receipt-codec.ts';

const receipt: InstanceReceipt = {
  ulid: '01HZZZZZZZZZZZZZZZZZZZZZZZ',
  studyInstanceUid: '1.2.3',
  seriesInstanceUid: '1.2.3.4',
  sopInstanceUid: '1.2.3.4.5',
  sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  transferSyntaxUid: '1.2.840.10008.1.2.1',
  sha256DataSet: 'a'.repeat(64),
  sha256Meta: 'b'.repeat(64),
  sha256Elements: 'c'.repeat(64),
  sizeBytes: 1000,
  dataSetOffset: 300,
  location: { key: 'landing/default/2026010112/01HZZZZZZZZZZZZZZZZZZZZZZZ.dcm', offset: 0, length: 1000 },
  source: { protocol: 'stow' },
  header: '{"00100010":{"vr":"PN","Value":[{"Alphabetic":"Doe^Jane\\nLine"}]}}',
  bulk: '{}',
  defaultIssuer: '',
};
const unexpected = (): Promise<Buffer> => Promise.reject(new Error('no part was written'));

describe('the encoding of receipts as events', () => {
  it.each([undefined, '{"tag":"7FE00010"}'])('gives back what was encoded, pixels %s', async (pixels) => {
    const given = pixels === undefined ? receipt : { ...receipt, pixels };
    const { data, objects } = encodeReceipt(given);
    expect(objects).toEqual([]);
    expect(await decodeReceipt(data, unexpected)).toEqual(given);
  });

  it('compresses long texts and puts longer ones beside the instance', async () => {
    const compressible = JSON.stringify({ a: 'abc'.repeat(100_000) });
    const incompressible = JSON.stringify({ a: randomBytes(200_000).toString('base64') });
    const given = { ...receipt, header: compressible, pixels: incompressible };
    const { data, objects } = encodeReceipt(given);
    expect(data.length).toBeLessThan(100_000);
    expect(objects.map(({ part }) => part)).toEqual(['frames']);
    expect(gunzipSync(objects[0]!.bytes).toString()).toBe(incompressible);
    expect(await decodeReceipt(data, async () => objects[0]!.bytes)).toEqual(given);
  });

  it('keeps every event below 1 MiB', async () => {
    const text = JSON.stringify({ a: randomBytes(3_000_000).toString('base64') });
    const given = { ...receipt, header: text, bulk: text, pixels: text };
    const { data, objects } = encodeReceipt(given);
    expect(Buffer.byteLength(data)).toBeLessThan(2000);
    const read = async (_: unknown, part: string): Promise<Buffer> => objects.find((object) => object.part === part)!.bytes;
    expect(await decodeReceipt(data, read)).toEqual(given);
  });

  it.each(['', '{}', 'null', 'x', '{"version":2}', '{"version":1,"receipt":{},"header":"text","frames":"none"}'])(
    'refuses the data %j',
    async (data) => {
      await expect(decodeReceipt(data, unexpected)).rejects.toMatchObject({ code: 'internal.unexpected', retriable: false });
    },
  );
});
