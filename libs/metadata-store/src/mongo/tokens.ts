import type { StudySearchFields } from '../search-fields.ts';
import { TRIGRAM_LENGTH, studyTokens } from '../search-fields.ts';
import type { SearchField } from '../search-fields.ts';

/** Marks the field of a trigram, so that one multikey index serves them all. */
const MARK_OF_FIELD: Readonly<Record<SearchField, string>> = {
  patientName: 'N',
  patientId: 'I',
  accessionNumber: 'A',
  studyDescription: 'D',
  referringPhysicianName: 'R',
};

/** Everything by which a study is found: trigrams of its search fields, modalities, short ideographic names. */
export function studyIndexTokens(fields: StudySearchFields, modalities: readonly string[]): readonly string[] {
  const trigrams = Object.entries(fields).flatMap(([field, text]) => trigramTokens(field as SearchField, text));
  return [...new Set([...trigrams, ...studyTokens(fields, modalities)])];
}

/** Everything by which a patient is found: trigrams of its name, short ideographic names. */
export function nameTokens(foldedName: string): readonly string[] {
  const fields = { patientName: foldedName, patientId: '', accessionNumber: '', studyDescription: '', referringPhysicianName: '' };
  return studyIndexTokens(fields, []);
}

/** The tokens of a text's trigrams; the field's own in a study, those of a literal in a query. */
export function trigramTokens(field: SearchField, text: string): readonly string[] {
  const characters = Array.from(text);
  const tokens = new Set<string>();
  for (let start = 0; start + TRIGRAM_LENGTH <= characters.length; start++) {
    tokens.add(`${MARK_OF_FIELD[field]}:${characters.slice(start, start + TRIGRAM_LENGTH).join('')}`);
  }
  return [...tokens];
}
