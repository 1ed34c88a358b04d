import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ERROR_CODES } from '../src/index.ts';

const text = readFileSync(join(import.meta.dirname, '../../../docs/reference/errors.md'), 'utf8');
const rows = text.split('\n').flatMap((line) => {
  const [, code, meaning] = /^\| `([\w.-]+)` *\| (.*?) *\|/.exec(line) ?? [];
  return code === undefined ? [] : [[code, meaning]];
});

describe('docs/reference/errors.md', () => {
  it('lists every error code with its meaning, and none that does not exist (else: npm run docs)', () => {
    expect(Object.fromEntries(rows)).toEqual(ERROR_CODES);
  });
});
