import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, SOP_CLASSES, TRANSFER_SYNTAXES, convertible } from '../src/index.ts';

const text = readFileSync(join(import.meta.dirname, '../../../docs/reference/dicom-conformance-statement.md'), 'utf8');

/** The cells of a generated table's rows, without the monospaced face. */
function rowsOf(section: string): string[][] {
  const [, part = ''] = text.split(`<!-- generated: ${section} -->`);
  const lines = part
    .split('<!-- end -->')[0]!
    .split('\n')
    .filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

describe('docs/reference/dicom-conformance-statement.md (else: npm run docs)', () => {
  it('lists every transfer syntax and what it is re-encoded into', () => {
    const known = [...TRANSFER_SYNTAXES.values()];
    const others = (from: string): string[] => known.map(({ uid }) => uid).filter((uid) => uid !== from && convertible(from, uid));
    expect(rowsOf('transferSyntaxes')).toEqual(known.map(({ uid, name, mediaType }) => [uid, name, mediaType, others(uid).join(', ')]));
  });

  it('lists every storage SOP class', () => {
    const classes = [...SOP_CLASSES.values()].filter(({ isStorage }) => isStorage);
    expect(rowsOf('storageSopClasses')).toEqual(classes.map(({ uid, name }) => [uid, name]));
  });

  it('names the implementation', () => {
    expect(rowsOf('implementation').map(([, value]) => value)).toEqual([IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME]);
  });
});
