import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const PAGE = join(import.meta.dirname, '../../../docs/reference/products.md');

/**
 * What docs/reference/products.md says of a product: the cells of its column, by the names in the first one. Tests compare
 * them with what they find, so that the page is true. An unknown product → an error.
 */
export function documentedProduct(product: string): Readonly<Record<string, string>> {
  const rows = readFileSync(PAGE, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));
  const heading = rows.findIndex((cells) => cells.includes(product));
  if (heading === -1) throw new Error(`${product} is not in docs/reference/products.md.`);
  const column = rows[heading]!.indexOf(product);
  const body = rows.slice(heading + 2);
  const next = body.findIndex((cells) => cells.some((cell) => cell.startsWith('---')));
  const own = next === -1 ? body : body.slice(0, next - 1);
  return Object.fromEntries(own.map((cells) => [cells[1], cells[column]]));
}
