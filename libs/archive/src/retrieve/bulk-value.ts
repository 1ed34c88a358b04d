import type { DicomJson, DicomJsonElement, DicomJsonValue } from '@cairn/core';
import type { Span } from '@cairn/dicom';

/** What uncompressed values of no better known kind are. */
export const OCTET_STREAM = 'application/octet-stream';

const BULK_PATH = /^[0-9A-F]{8}(?:\/\d{1,9}\/[0-9A-F]{8})*$/;
const MEDIA_TYPE = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/;
const ENCAPSULATED_DOCUMENT = '00420011';
const MIME_TYPE_OF_ENCAPSULATED_DOCUMENT = '00420012';

/** A bulk path in the spelling of the index: upper case; undefined when it cannot be one. */
export function normalizeBulkPath(path: string): string | undefined {
  const upper = path.toUpperCase();
  return BULK_PATH.test(upper) ? upper : undefined;
}

/** Where the value at a path lies, out of the index' bulk table; undefined when the table has no such path. */
export function findBulkSpan(bulk: string | undefined, path: string): Span | undefined {
  const table = JSON.parse(bulk ?? '{}') as Record<string, Span>;
  return Object.hasOwn(table, path) ? table[path] : undefined;
}

/** The element at a bulk path of a header. */
export function findElement(header: DicomJson, path: string): DicomJsonElement | undefined {
  const [tag, ...steps] = path.split('/');
  let element = header[tag!];
  for (let step = 0; step < steps.length; step += 2) {
    const item = element?.Value?.[Number(steps[step])];
    if (!isItem(item)) return undefined;
    element = item[steps[step + 1]!];
  }
  return element;
}

/** Media type of a bulk value: an encapsulated document's own (0042,0012) where it is well formed. */
export function bulkMediaType(header: DicomJson, path: string): string {
  if (path !== ENCAPSULATED_DOCUMENT) return OCTET_STREAM;
  const named = header[MIME_TYPE_OF_ENCAPSULATED_DOCUMENT]?.Value?.[0];
  return typeof named === 'string' && MEDIA_TYPE.test(named) ? named.toLowerCase() : OCTET_STREAM;
}

function isItem(value: DicomJsonValue | undefined): value is DicomJson {
  return typeof value === 'object' && value !== null;
}
