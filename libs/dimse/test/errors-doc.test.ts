import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { DIMSE_STATUS } from '../src/index.ts';

const text = readFileSync(join(import.meta.dirname, '../../../docs/reference/errors.md'), 'utf8');
const rows = text.split('\n').flatMap((line) => {
  const cells = line.split('|').map((cell) => cell.trim().replaceAll('`', ''));
  return /^[a-z-]+\.[a-z-]+$/.test(cells[1] ?? '') ? [cells] : [];
});

describe('docs/reference/errors.md', () => {
  it('tells the DIMSE status of every code (else: npm run docs)', () => {
    expect(Object.fromEntries(rows.map((cells) => [cells[1], Number.parseInt(cells[5]!, 16)]))).toEqual(DIMSE_STATUS);
  });
});
