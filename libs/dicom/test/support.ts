import { CairnError } from '@cairn/core';
import { DicomScanner } from '@cairn/dicom';
import type { ScanResult, ScannerOptions } from '@cairn/dicom';
import { element } from '@cairn/testing';
import type { ElementSpec } from '@cairn/testing';

/** The identifiers of an instance, as elements to put others beside. */
export const IDENTITY: readonly ElementSpec[] = [
  element('00080016', 'UI', '1.2.840.10008.5.1.4.1.1.7'),
  element('00080018', 'UI', '1.2.3.4.5'),
  element('0020000D', 'UI', '1.2.3'),
  element('0020000E', 'UI', '1.2.3.4'),
];

/** IDENTITY and more, in order of tags. */
export function withIdentity(...elements: readonly ElementSpec[]): ElementSpec[] {
  return [...IDENTITY, ...elements].sort((a, b) => (a.tag < b.tag ? -1 : 1));
}

/** Pushes bytes in chunks of a size through a scanner, with a buffer that is overwritten after each push. */
export function scan(bytes: Uint8Array, options: ScannerOptions = {}, chunkSize = bytes.length): ScanResult {
  const scanner = new DicomScanner(options);
  const scratch = Buffer.alloc(Math.max(chunkSize, 1));
  for (let at = 0; at < bytes.length; at += chunkSize) {
    const part = bytes.subarray(at, at + chunkSize);
    scratch.set(part);
    scanner.push(scratch.subarray(0, part.length));
    scratch.fill(0xee);
  }
  return scanner.end();
}

/** The code of the CairnError that a call throws; `none` when it throws nothing. Other errors pass through. */
export function codeOf(call: () => unknown): string {
  try {
    call();
    return 'none';
  } catch (error) {
    if (!CairnError.is(error)) throw error;
    return error.code;
  }
}

/** Like {@link codeOf} for a promise. */
export async function rejectionOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'none';
  } catch (error) {
    if (!CairnError.is(error)) throw error;
    return error.code;
  }
}

/** Small random numbers that are the same in every run. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x100000000) * below);
  };
}

/** All chunks of a source as one buffer. */
export async function gather(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Bytes as a source of chunks. */
export async function* chunked(bytes: Uint8Array, chunkSize = 7): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkSize) yield bytes.subarray(at, at + chunkSize);
}
