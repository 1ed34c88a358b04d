import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { runCommandLine } from '../src/command-line.ts';
import { openDataFolder } from '@cairn/composition';

const folder = mkdtempSync(join(tmpdir(), 'cairn-standalone-'));
afterAll(() => rmSync(folder, { recursive: true }));

let output: string[];
let errors: string[];
beforeEach(() => {
  output = [];
  errors = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => output.push(String(text)) > 0);
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => errors.push(String(text)) > 0);
});
afterEach(() => void jest.restoreAllMocks());

describe('runCommandLine', () => {
  it('shows its commands', async () => {
    expect(await runCommandLine([], {})).toBe(0);
    expect(output.join('')).toMatch(/cairn start[\s\S]*cairn rebuild-index[\s\S]*cairn sample/);
  });

  it('refuses an unknown command in one line', async () => {
    expect(await runCommandLine(['strat\n'], {})).toBe(64);
    expect(errors).toEqual(['cairn: there is no command "strat "; try "cairn help"\n']);
  });

  it('ends with 78 and one line for a wrong setting', async () => {
    expect(await runCommandLine(['start'], { CAIRN_HTTP_PROT: '1' })).toBe(78);
    expect(errors).toEqual(['cairn: Configuration: CAIRN_HTTP_PROT is not a setting (did you mean CAIRN_HTTP_PORT?).\n']);
  });

  it('ends with 1 and one line for a data folder that cannot be made', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(await runCommandLine(['start'], { CAIRN_DATA_DIR: join(file, 'data') })).toBe(1);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/^cairn: The data folder .* cannot be made or written \(ENOTDIR\)\.\n$/);
  });

  it('ends with 1 and one line when another process holds the data folder', async () => {
    const held = openDataFolder(join(folder, 'held'));
    expect(await runCommandLine(['rebuild-index'], { CAIRN_DATA_DIR: held.path })).toBe(1);
    expect(errors.join('')).toMatch(/is in use by another archive process\.\n$/);
    held.release();
    openDataFolder(held.path).release();
  });
});
