import type { DicomJson, DicomJsonElement } from '@cairn/core';
import type { QueryLevel } from './query.ts';

/** Attributes of the patient: Patient module and Clinical Trial Subject module (PS3.3 §C.7.1). */
const PATIENT = `
  00100010 00100020 00100021 00100022 00100024 00100030 00100032 00100033 00100034 00100035 00100040 00100200
  00101000 00101001 00101002 00101005 00101060 00102160 00102201 00102202 00102292 00102293 00102294 00102295 00102296
  00102297 00102298 00102299 00104000 00120010 00120020 00120021 00120030 00120031 00120040 00120042 00120062 00120063 00120064`;

/** Attributes of the study: General Study, Patient Study and Clinical Trial Study modules (PS3.3 §C.7.2). */
const STUDY = `
  00080020 00080030 00080050 00080051 00080090 00080096 0008009C 0008009D 00080201 00081030 00081032 00081048 00081049
  00081060 00081062 00081080 00081084 00081110 00101010 00101020 00101021 00101022 00101023 00101024 00101030 00101080
  00101081 00102000 00102110 00102150 00102152 00102154 00102180 001021A0 001021B0 001021C0 001021D0 001021F0 00102203
  00120050 00120051 0020000D 00200010 00321032 00321033 00321060 00321064 00324000 00380010 00380014 00380060 00380062
  00380064 00380500 00401012`;

/** Attributes of the series: General Series, Frame of Reference and General Equipment modules (PS3.3 §C.7.3–C.7.5). */
const SERIES = `
  00080021 00080031 00080060 00080068 00080070 00080080 00080081 00081010 00081040 00081041 0008103E 0008103F 00081050
  00081052 00081070 00081072 00081090 00081111 00081250 00102210 00120060 00120071 00120072 00180015 00181000 00181002
  00181008 00181020 00181030 00185100 0020000E 00200011 00200052 00200060 00201040 00400244 00400245 00400250 00400251
  00400253 00400254 00400260 00400275 00400280`;

/** Attributes of the instance that lists of images show; all others are read from its header. */
const INSTANCE = `
  00080008 00080012 00080013 00080016 00080018 00080022 00080023 0008002A 00080032 00080033 00200012 00200013 00200020
  00200032 00200037 00201041 00280002 00280004 00280008 00280010 00280011 00280030 00280100 00280101 00280102
  00280103 0040A491 0040A493 00420010 00420012 00700080 00700081 00700082 00700083 00700084`;

const LEVELS: ReadonlyMap<string, QueryLevel> = new Map([
  ...tagsOf(PATIENT, 'patient'),
  ...tagsOf(STUDY, 'study'),
  ...tagsOf(SERIES, 'series'),
  ...tagsOf(INSTANCE, 'instance'),
]);

function tagsOf(table: string, level: QueryLevel): [string, QueryLevel][] {
  return table
    .trim()
    .split(/\s+/)
    .map((tag) => [tag, level]);
}

/** The level whose document keeps this attribute; undefined for those that only headers have. */
export function levelOfAttribute(tag: string): QueryLevel | undefined {
  return LEVELS.get(tag);
}

/** A header's attributes, parted by the level that keeps them; what no level keeps is left out. */
export function splitByLevel(header: DicomJson): Readonly<Record<QueryLevel, DicomJson>> {
  const parts: Record<QueryLevel, Record<string, DicomJsonElement>> = { patient: {}, study: {}, series: {}, instance: {} };
  for (const [tag, element] of Object.entries(header)) {
    const level = LEVELS.get(tag);
    if (level !== undefined) parts[level][tag] = element;
  }
  return parts;
}
