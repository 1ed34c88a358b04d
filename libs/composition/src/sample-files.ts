import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { sampleMultipart, sampleStudy } from './sample-study.ts';

/** Boundary of the multipart file: fixed, since the printed curl line names it. */
export const SAMPLE_BOUNDARY = 'cairn-sample';

/** Name of the file with the whole study. */
export const SAMPLE_FILE = 'study.multipart';

/** Writes the sample study's Part 10 files and the multipart file; returns the folder's absolute path. */
export function writeSample(folder: string): string {
  const path = resolve(folder);
  mkdirSync(path, { recursive: true });
  for (const { name, bytes } of sampleStudy()) writeFileSync(join(path, name), bytes);
  writeFileSync(join(path, SAMPLE_FILE), sampleMultipart(SAMPLE_BOUNDARY));
  return path;
}
