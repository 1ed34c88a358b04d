/**
 * `npm run docs`: makes the generated parts of docs/reference anew from the tables in the code. A part stands between
 * `<!-- generated: name -->` and `<!-- end -->`; `name` is one of SECTIONS. Everything else in a file is written by hand.
 */
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { settings } from './sections/config.mjs';
import { implementation, storageSopClasses, transferSyntaxes } from './sections/dicom.mjs';
import { dimseStatuses, errors } from './sections/errors.mjs';
import { collections, metrics, topics } from './sections/operations.mjs';

const SECTIONS = { errors, settings, dimseStatuses, implementation, storageSopClasses, transferSyntaxes, topics, collections, metrics };
const FOLDER = join(import.meta.dirname, '../../docs/reference');
const PART = /(<!-- generated: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g;

for (const name of await readdir(FOLDER)) {
  if (!name.endsWith('.md')) continue;
  const path = join(FOLDER, name);
  const text = await readFile(path, 'utf8');
  const renewed = text.replace(PART, (_, begin, section, end) => {
    if (!Object.hasOwn(SECTIONS, section)) throw new Error(`${name} names a section that does not exist: ${section}`);
    return `${begin}\n${SECTIONS[section]()}\n\n${end}`;
  });
  await writeFile(path, await format(renewed, { ...(await resolveConfig(path)), parser: 'markdown' }));
}
