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
  const { vr, Value = [], InlineBinary = '' } = element;
  if (vr === 'SQ') return `SQ[${(Value as readonly DicomJson[]).map((item) => `{${elementsText(item)}}`).join('')}]`;
  let text = `${vr}${InlineBinary}[`;
  for (const value of Value) text += typeof value === 'string' ? `${value.length}:${value}` : `,${JSON.stringify(value)}`;
  return `${text}]`;
}
