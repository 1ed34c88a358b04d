import type { DicomJson, DicomJsonElement, DicomJsonPersonName, DicomJsonValue } from '@cairn/core';
import { findAttribute, isPrivate } from '@cairn/dicom';
import { escapeXml } from './escape.ts';

const NAMESPACE = 'http://dicom.nema.org/PS3.19/models/NativeDICOM';

const NAME_GROUPS = ['Alphabetic', 'Ideographic', 'Phonetic'] as const;
const NAME_COMPONENTS = ['FamilyName', 'GivenName', 'MiddleName', 'NamePrefix', 'NameSuffix'] as const;

/** Writes a data set as a document of the Native DICOM Model (PS3.19 §A.1). */
export function toNativeXml(dataSet: DicomJson): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="${NAMESPACE}">${attributes(dataSet)}</NativeDicomModel>\n`;
}

function attributes(dataSet: DicomJson): string {
  return Object.entries(dataSet)
    .map(([tag, element]) => {
      const names = keywordOf(tag) + privateCreatorOf(tag, dataSet);
      return `<DicomAttribute tag="${tag}" vr="${escapeXml(element.vr)}"${names}>${content(element)}</DicomAttribute>`;
    })
    .join('');
}

function content(element: DicomJsonElement): string {
  if (element.BulkDataURI !== undefined) return `<BulkData uri="${escapeXml(element.BulkDataURI)}"/>`;
  if (element.InlineBinary !== undefined) return `<InlineBinary>${escapeXml(element.InlineBinary)}</InlineBinary>`;
  return (element.Value ?? []).map((value, index) => valueOf(value, index + 1, element.vr)).join('');
}

function valueOf(value: DicomJsonValue, number: number, vr: string): string {
  if (value === null) return `<Value number="${number}"/>`;
  if (typeof value !== 'object') return `<Value number="${number}">${escapeXml(String(value))}</Value>`;
  if (vr === 'SQ') return `<Item number="${number}">${attributes(value as DicomJson)}</Item>`;
  return `<PersonName number="${number}">${personName(value as DicomJsonPersonName)}</PersonName>`;
}

function personName(name: DicomJsonPersonName): string {
  return NAME_GROUPS.map((group) => {
    const text = name[group];
    if (text === undefined || text === '') return '';
    const components = text.split('^').map((component, index) => {
      const label = NAME_COMPONENTS[index];
      return component === '' || label === undefined ? '' : `<${label}>${escapeXml(component)}</${label}>`;
    });
    return `<${group}>${components.join('')}</${group}>`;
  }).join('');
}

function keywordOf(tag: string): string {
  const keyword = findAttribute(tag)?.keyword;
  return keyword === undefined || keyword === '' ? '' : ` keyword="${keyword}"`;
}

/** The creator of a private attribute's block, from (gggg,00bb) of the same data set (PS3.5 §7.8.1). */
function privateCreatorOf(tag: string, dataSet: DicomJson): string {
  if (!isPrivate(Number.parseInt(tag, 16))) return '';
  const creator = dataSet[`${tag.slice(0, 4)}00${tag.slice(4, 6)}`]?.Value?.[0];
  return typeof creator === 'string' ? ` privateCreator="${escapeXml(creator)}"` : '';
}
