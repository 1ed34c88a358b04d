import type { QueryKey } from '@cairn/archive';
import { CairnError } from '@cairn/core';
import type { DicomJson, DicomJsonElement, DicomJsonValue } from '@cairn/core';
import { decodeDataSet } from '@cairn/dicom';
import { UNIQUE_KEYS } from '../association/sop-classes.ts';
import type { InformationModel, RetrieveLevel } from '../association/sop-classes.ts';

/** Tags of identifiers that are no keys (PS3.4 §C.2.2.2, §C.4.1.1.3). */
export const TAG = {
  specificCharacterSet: '00080005',
  queryRetrieveLevel: '00080052',
  retrieveAeTitle: '00080054',
  instanceAvailability: '00080056',
  failedSopInstanceUidList: '00080058',
  timezoneOffset: '00080201',
} as const;

const NO_KEYS: ReadonlySet<string> = new Set([
  TAG.specificCharacterSet,
  TAG.queryRetrieveLevel,
  TAG.retrieveAeTitle,
  TAG.instanceAvailability,
  TAG.timezoneOffset,
]);

/** Longest value of one key, as characters: bounds what matching has to look at. UID lists of some 1,000 UIDs fit. */
const MAX_VALUE_LENGTH = 65_536;

/** Longest value of an identifier that is read: what an association passes on at most. */
const MAX_INLINE_BYTES = 4_194_304;

/** Reads an identifier; throws a `dicom.*` error for a damaged one. */
export function decodeIdentifier(bytes: Uint8Array, transferSyntaxUid: string): DicomJson {
  return decodeDataSet(bytes, transferSyntaxUid, { inlineBytes: MAX_INLINE_BYTES });
}

/** The level asked for; throws `query.missing-key` when it is missing or not one of the model's. */
export function levelOf(identifier: DicomJson, model: InformationModel): RetrieveLevel {
  const value = textOf(identifier[TAG.queryRetrieveLevel]);
  const level = model.levels.find((one) => one === value);
  if (level) return level;
  const details = { attribute: TAG.queryRetrieveLevel };
  throw new CairnError('query.missing-key', `QueryRetrieveLevel must be one of ${model.levels.join(', ')}.`, { details });
}

/**
 * Hierarchical search needs one value for the unique key of every level above (PS3.4 §C.4.1.3.1.1); throws
 * `query.missing-key` naming the first that lacks.
 */
export function checkHierarchy(identifier: DicomJson, model: InformationModel, level: RetrieveLevel): void {
  for (const key of UNIQUE_KEYS) {
    if (key.level === level) return;
    if (model.levels.includes(key.level) && !isSingleValue(textOf(identifier[key.tag]))) {
      const details = { attribute: key.tag };
      throw new CairnError('query.missing-key', `The ${key.level} level's unique key needs one value.`, { details });
    }
  }
}

/** A retrieve needs the unique key of its level, without wildcards; throws `query.missing-key` (PS3.4 §C.4.2.2.1). */
export function checkUniqueKey(identifier: DicomJson, level: RetrieveLevel): void {
  const { tag } = UNIQUE_KEYS.find((key) => key.level === level)!;
  const value = textOf(identifier[tag]);
  if (value !== '' && !/[*?]/.test(value)) return;
  throw new CairnError('query.missing-key', `The ${level} level's unique key needs a value.`, { details: { attribute: tag } });
}

/** The elements that the peer wants back: no group lengths, nothing below group 0008. */
export function requestedElements(identifier: DicomJson): [tag: string, element: DicomJsonElement][] {
  return Object.entries(identifier).filter(([tag]) => tag >= '00080000' && !tag.endsWith('0000') && !NO_KEYS.has(tag));
}

/** The keys that restrict the matches; those inside a sequence's item by their path. */
export function matchingKeys(identifier: DicomJson): QueryKey[] {
  return requestedElements(identifier).flatMap(([tag, element]) => keysOf([tag], element));
}

function keysOf(path: [string, ...string[]], element: DicomJsonElement): QueryKey[] {
  if (element.vr === 'SQ') {
    const item = element.Value?.[0];
    return isItem(item) ? Object.entries(item).flatMap(([tag, nested]) => keysOf([...path, tag], nested)) : [];
  }
  const value = textOf(element);
  if (value === '') return [];
  if (value.length <= MAX_VALUE_LENGTH) return [{ path, vr: element.vr, value }];
  throw new CairnError('query.invalid-value', 'A key has too long a value.', { details: { attribute: path[0] } });
}

/** The value in DICOM's own notation: several values by backslash, component groups of names by `=`. */
export function textOf(element: DicomJsonElement | undefined): string {
  return (element?.Value ?? []).map(valueText).join('\\').trim();
}

function valueText(value: DicomJsonValue): string {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  return [value['Alphabetic'], value['Ideographic'], value['Phonetic']]
    .map((group) => (typeof group === 'string' ? group : ''))
    .join('=')
    .replace(/=+$/, '');
}

function isItem(value: DicomJsonValue | undefined): value is DicomJson {
  return typeof value === 'object' && value !== null;
}

function isSingleValue(value: string): boolean {
  return value !== '' && !/[\\*?]/.test(value);
}
