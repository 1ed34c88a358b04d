import type { DicomJson } from '@cairn/core';
import { fold, foldName } from './fold.ts';
import { nameGroups, textValues } from './values.ts';

/** Name of a folded field that a store keeps beside a study's document to find it by. */
export type SearchField = 'patientName' | 'patientId' | 'accessionNumber' | 'studyDescription' | 'referringPhysicianName';

/** The search fields of a study; names by {@link foldedName}; empty when the attribute has no value. */
export type StudySearchFields = Readonly<Record<SearchField, string>>;

/** Attributes that have a search field: their tags. */
export const SEARCH_FIELD_OF_TAG: Readonly<Record<string, SearchField>> = {
  '00100010': 'patientName',
  '00100020': 'patientId',
  '00080050': 'accessionNumber',
  '00081030': 'studyDescription',
  '00080090': 'referringPhysicianName',
};

/** Length of an FTS5 trigram: shorter literals find nothing there. */
export const TRIGRAM_LENGTH = 3;

/** Delimits components, so it stands before the first and behind the last too: two letters at a name's start make a trigram with it. */
const DELIMITER = '^';
const IDEOGRAPH = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;

/** The folded search fields of a study's attributes. */
export function studySearchFields(attributes: DicomJson): StudySearchFields {
  return {
    patientName: foldedName(attributes, '00100010'),
    patientId: foldedText(attributes, '00100020'),
    accessionNumber: foldedText(attributes, '00080050'),
    studyDescription: foldedText(attributes, '00081030'),
    referringPhysicianName: foldedName(attributes, '00080090'),
  };
}

/** The attribute's values, folded, joined by `\\` as in a data set. */
export function foldedText(attributes: DicomJson, tag: string): string {
  return textValues(attributes[tag]).map(fold).join('\\');
}

/** All component groups of a name attribute's values, folded, each between `^` that mark its start and end, joined by `=`. */
export function foldedName(attributes: DicomJson, tag: string): string {
  const groups = (attributes[tag]?.Value ?? []).flatMap((value) => nameGroups(value));
  return groups.map((group) => `${DELIMITER}${foldName(group)}${DELIMITER}`).join('=');
}

/** What every name that matches a pattern has in common with it: the pattern as it fits {@link foldedName}. */
export function foldedNamePattern(pattern: string): string {
  return (
    pattern
      .split('=')
      .map((group) => (/^[*?]/.test(group) ? foldName(group) : `${DELIMITER}${foldName(group)}`))
      // The end of a group has a delimiter that the pattern need not have.
      .join('*=')
  );
}

/** Tokens by which a study is found where trigrams find nothing: its modalities; characters and pairs of ideographic names. */
export function studyTokens(fields: StudySearchFields, modalities: readonly string[]): readonly string[] {
  const tokens = new Set(modalities.map(modalityToken));
  for (const token of ideographTokens(fields.patientName)) tokens.add(token);
  return [...tokens];
}

/** The token of a modality. */
export function modalityToken(modality: string): string {
  return `m:${fold(modality)}`;
}

/** Tokens of the ideographic characters and pairs in a folded text. */
export function ideographTokens(text: string): readonly string[] {
  const characters = Array.from(text);
  const tokens: string[] = [];
  for (const [index, character] of characters.entries()) {
    if (!IDEOGRAPH.test(character)) continue;
    tokens.push(`n:${character}`);
    const next = characters[index + 1];
    if (next !== undefined && IDEOGRAPH.test(next)) tokens.push(`n:${character}${next}`);
  }
  return tokens;
}

/** The token that finds a literal of one or two ideographic characters; undefined for any other. */
export function tokenOfShortLiteral(literal: string): string | undefined {
  const characters = Array.from(literal.replaceAll(DELIMITER, ''));
  const short = characters.length > 0 && characters.length < TRIGRAM_LENGTH;
  return short && characters.every((character) => IDEOGRAPH.test(character)) ? `n:${characters.join('')}` : undefined;
}
