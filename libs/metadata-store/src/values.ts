import type { DicomJson, DicomJsonElement, DicomJsonPersonName, DicomJsonValue } from '@cairn/core';

/** The element's values as texts: component groups of person names joined by `=`, items of sequences left out. */
export function textValues(element: DicomJsonElement | undefined): readonly string[] {
  return (element?.Value ?? []).flatMap((value) => textOf(value));
}

/** The first value as text; empty when there is none. */
export function firstText(attributes: DicomJson, tag: string): string {
  return textValues(attributes[tag])[0]?.trim() ?? '';
}

/** The first value as an integer (IS); undefined when absent or not one. */
export function firstInteger(attributes: DicomJson, tag: string): number | undefined {
  const text = firstText(attributes, tag);
  const number = Number(text);
  return text !== '' && Number.isSafeInteger(number) ? number : undefined;
}

/** The component groups of a person name value: alphabetic, ideographic, phonetic; a missing one is empty, trailing ones left out. */
export function nameGroups(value: DicomJsonValue): readonly string[] {
  if (typeof value === 'string') return value.replace(/=+$/, '').split('=');
  if (value === null || typeof value !== 'object') return [];
  const { Alphabetic, Ideographic, Phonetic } = value as DicomJsonPersonName;
  const groups = [Alphabetic, Ideographic, Phonetic].map((group) => (typeof group === 'string' ? group : ''));
  while (groups.at(-1) === '') groups.pop();
  return groups;
}

function textOf(value: DicomJsonValue): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number') return [String(value)];
  const groups = nameGroups(value);
  return groups.length === 0 ? [] : [groups.join('=')];
}
