import { hash } from 'node:crypto';
import type { DicomJson, DicomJsonElement } from '@cairn/core';

const ODD_DIGITS = '13579BDF';

/**
 * Hex SHA-256 over a header without private and bulk elements, at every level: the same for one content in any uncompressed
 * transfer syntax.
 */
export function digestElements(header: DicomJson): string {
  return hash('sha256', elementsText(header), 'hex');
}

function elementsText(item: DicomJson): string {
  let text = '';
  for (const tag in item) {
    const element = item[tag]!;
    if (element.BulkDataURI === undefined && !ODD_DIGITS.includes(tag[3]!)) text += tag + elementText(element);
  }
  return text;
}

function elementText(element: DicomJsonElement): string {
  if (element.vr !== 'SQ') return JSON.stringify(element);
  const items = (element.Value ?? []) as readonly DicomJson[];
  return `SQ[${items.map((item) => `{${elementsText(item)}}`).join('')}]`;
}
