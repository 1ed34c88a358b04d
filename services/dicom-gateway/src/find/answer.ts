import type { QueryAnswer } from '@cairn/archive';
import type { DicomJson, DicomJsonElement } from '@cairn/core';
import { UNIQUE_KEYS } from '../association/sop-classes.ts';
import type { RetrieveLevel } from '../association/sop-classes.ts';
import { TAG, requestedElements, textOf } from './identifier.ts';

/** What every answer of one query has in common. */
export interface AnswerForm {
  level: RetrieveLevel;
  aeTitle: string;
  identifier: DicomJson;
}

/**
 * One match as identifier: what was asked for, empty where the match has no value, the level's unique key, and the attributes
 * that the standard wants in each answer (PS3.4 §C.4.1.1.3.2). The character set is that of the question, else UTF-8.
 */
export function answerIdentifier(form: AnswerForm, answer: QueryAnswer): DicomJson {
  const elements: Record<string, DicomJsonElement> = {
    [TAG.specificCharacterSet]: characterSet(form.identifier),
    [TAG.queryRetrieveLevel]: { vr: 'CS', Value: [form.level] },
    [TAG.retrieveAeTitle]: { vr: 'AE', Value: [form.aeTitle] },
    [TAG.instanceAvailability]: { vr: 'CS', Value: ['ONLINE'] },
  };
  for (const [tag, { vr }] of requestedElements(form.identifier)) elements[tag] = returned(answer.attributes[tag]) ?? { vr };
  const unique = UNIQUE_KEYS.find(({ level }) => level === form.level)!.tag;
  elements[unique] ??= answer.attributes[unique] ?? { vr: unique === '00100020' ? 'LO' : 'UI' };
  return Object.fromEntries(Object.entries(elements).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function characterSet(identifier: DicomJson): DicomJsonElement {
  const asked = identifier[TAG.specificCharacterSet];
  return asked && textOf(asked) !== '' ? asked : { vr: 'CS', Value: ['ISO_IR 192'] };
}

/** Bulk values are not at hand in an index; they come back empty. */
function returned(element: DicomJsonElement | undefined): DicomJsonElement | undefined {
  return element?.BulkDataURI === undefined ? element : undefined;
}
