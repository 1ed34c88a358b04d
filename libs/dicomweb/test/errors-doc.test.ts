import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { HTTP_STATUS } from '../src/index.ts';

const text = readFileSync(join(import.meta.dirname, '../../../docs/reference/errors.md'), 'utf8');
const rows = text.split('\n').flatMap((line) => {
  const cells = line.split('|').map((cell) => cell.trim().replaceAll('`', ''));
  return /^[a-z-]+\.[a-z-]+$/.test(cells[1] ?? '') ? [cells] : [];
});

describe('docs/reference/errors.md', () => {
  it('tells the HTTP status and STOW-RS failure reason of every code (else: npm run docs)', () => {
    const documented = Object.fromEntries(
      rows.map(([, code, , status, reason]) => [
        code,
        { status: Number(status), ...(reason === '' ? {} : { stowReason: Number.parseInt(reason!, 16) }) },
      ]),
    );
    expect(documented).toEqual(HTTP_STATUS);
  });
});
