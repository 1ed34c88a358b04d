import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { aBigFile } from '@cairn/testing';
import type { BigFile, BigFileSpec } from '@cairn/testing';
import { startArchive } from '../harness/archive.ts';
import type { Archive } from '../harness/archive.ts';
import { eventually, get } from '../harness/web.ts';
import { MemoryWatch } from './memory.ts';
import { digestDataSet, getStream, storeStream, stowStream, wadoStream } from './raw-transfer.ts';

const MIB = 1 << 20;
const LIMIT_ABOVE_IDLE = 400 * MIB;

/** 6 GiB in fragments of 1 MiB, of 3 GiB, and 3 GiB of native frames. */
const FILES: readonly (readonly [string, BigFileSpec])[] = [
  ['6 GiB encapsulated, 6144 frames', { kind: 'encapsulated', frames: 6144, frameBytes: MIB, seed: 1 }],
  ['6 GiB encapsulated, 2 frames', { kind: 'encapsulated', frames: 2, frameBytes: 3072 * MIB, seed: 2 }],
  ['3 GiB native, 384 frames', { kind: 'native', frames: 384, frameBytes: 8 * MIB, seed: 3 }],
];

describe.each(FILES)('case 42: %s', (name, spec) => {
  const file: BigFile = aBigFile(spec);
  let archive: Archive;
  let memory: MemoryWatch;
  let started = 0;

  beforeEach(async () => {
    archive = await startArchive();
    memory = new MemoryWatch(archive.pid);
    started = Date.now();
  });

  afterEach(async () => {
    memory.stop();
    await archive.dispose();
  });

  function expectBounded(step: string): void {
    const peak = memory.takePeakAboveIdle();
    process.stdout.write(
      `${name}, ${step}: ${((Date.now() - started) / 1000).toFixed(1)} s, peak ${(peak / MIB).toFixed(0)} MiB above ${(memory.idleBytes / MIB).toFixed(0)} MiB idle\n`,
    );
    started = Date.now();
    expect(peak).toBeLessThan(LIMIT_ABOVE_IDLE);
  }

  it.each([
    ['STOW-RS', stowStream, 200],
    ['C-STORE', storeStream, 0],
  ] as const)(
    'goes in by %s and comes back by WADO-RS and C-GET in constant memory',
    async (way, send, success) => {
      const wanted = await digestDataSet(file.stream());
      started = Date.now();
      expect(await send(archive, file)).toBe(success);
      expectBounded(way);
      const path = `/studies/${file.studyInstanceUid}/series/${file.seriesInstanceUid}/instances/${file.sopInstanceUid}`;
      expect(
        (
          await eventually(
            () => get(archive, `${path}/metadata`, 'application/dicom+json'),
            (answer) => answer.status === 200,
          )
        ).status,
      ).toBe(200);
      expect(await wadoStream(archive, file)).toEqual(wanted);
      expectBounded('WADO-RS');
      expect(await getStream(archive, file)).toEqual(wanted);
      expectBounded('C-GET');
      for (const number of [1, spec.frames]) {
        if (spec.frameBytes > 64 * MIB) continue;
        const answer = await get(archive, `${path}/frames/${number}`, 'application/octet-stream; transfer-syntax=*');
        expect(answer.status).toBe(200);
        const body = Buffer.from(await answer.arrayBuffer());
        expect({ number, bytes: body.length, stamp: body.readDoubleLE(0) }).toEqual({ number, bytes: spec.frameBytes, stamp: number });
      }
      expectBounded('frames');
    },
    900_000,
  );
});
