import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { SETTINGS } from '../src/index.ts';

const text = readFileSync(join(import.meta.dirname, '../../../docs/reference/config.md'), 'utf8');
const rows = text.split('\n').flatMap((line) => {
  const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
  return cells[1]?.startsWith('`CAIRN_') ? [cells] : [];
});

describe('docs/reference/config.md', () => {
  it('lists every setting with its default and description, and none that does not exist (else: npm run docs)', () => {
    const documented = rows.map(([, name, fallback, description]) => ({
      name,
      fallback,
      description: description!.replaceAll('\\|', '|'),
    }));
    const expected = Object.entries(SETTINGS).map(([name, setting]) => ({
      name: `\`${name}\``,
      fallback: 'default' in setting ? (setting.default === '' ? 'empty' : `\`${setting.default}\``) : 'none',
      description: setting.description,
    }));
    expect(documented).toEqual(expected);
  });
});
