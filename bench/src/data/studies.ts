/** Numbers studies, series and instances, so that every instance of a run is a new one and queries know what was sent. */
import type { SlotValues } from './template.ts';

/** 22 family names: a prefix of one matches 4.5 % of the studies. */
const FAMILY_NAMES =
  'ANDERSON BAUER CHEN DUBOIS EVANS FISCHER GARCIA HANSEN IVANOV JANSEN KOWALSKI LOPEZ MUELLER NGUYEN OKAFOR PATEL QUINN ROSSI SMITH TANAKA URBAN VARGA'.split(
    ' ',
  );
const GIVEN_NAMES = ['ANA', 'BEN', 'CHLOE', 'DAVID', 'EMMA', 'FELIX', 'GRACE', 'HUGO', 'IRIS', 'JONAS'];
const DAY_MS = 86_400_000;

/** Position of an instance: its study's number in this run, and the series and instance inside it, all from 0. */
export interface InstancePosition {
  readonly study: number;
  readonly series: number;
  readonly instance: number;
}

function uidOf(kind: number, { study, series, instance }: InstancePosition): string {
  const digits = `${kind}${String(study).padStart(14, '0')}${String(series).padStart(8, '0')}${String(instance).padStart(12, '0')}`;
  return `2.25.${digits}`;
}

/** Study Instance UID of the study with this number. */
export function studyUid(study: number): string {
  return uidOf(1, { study, series: 0, instance: 0 });
}

/** Series Instance UID of a series of that study. */
export function seriesUid(study: number, series: number): string {
  return uidOf(2, { study, series, instance: 0 });
}

/** SOP Instance UID of an instance. */
export function sopInstanceUid(position: InstancePosition): string {
  return uidOf(3, position);
}

/** Patient ID: one patient a study. */
export function patientId(study: number): string {
  return `P${String(study).padStart(8, '0')}`;
}

/** Study Date: a day of its own for each study, from 1990 on, so that a query by date has one answer whatever the archive's size. */
export function studyDate(study: number): string {
  return new Date(Date.UTC(1990, 0, 1) + (study % 20_000) * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '');
}

/** All values in which the instance differs from others. */
export function slotValues(position: InstancePosition): SlotValues {
  const { study, series, instance } = position;
  const family = FAMILY_NAMES[study % FAMILY_NAMES.length] ?? '';
  const given = GIVEN_NAMES[Math.floor(study / FAMILY_NAMES.length) % GIVEN_NAMES.length] ?? '';
  return {
    StudyInstanceUID: studyUid(study),
    SeriesInstanceUID: seriesUid(study, series),
    SOPInstanceUID: sopInstanceUid(position),
    StudyDate: studyDate(study),
    StudyID: String(study),
    AccessionNumber: `A${String(study).padStart(8, '0')}`,
    PatientName: `${family}^${given}^${(study % 26) + 10}`,
    PatientID: patientId(study),
    SeriesNumber: String(series + 1),
    InstanceNumber: String(instance + 1),
  };
}

/** How the instances of an archive are dealt into studies and series. */
export interface StudyLayout {
  readonly seriesPerStudy: number;
  readonly instancesPerSeries: number;
}

/** The positions of `count` instances from study number `firstStudy` on, study by study. */
export function* positions(firstStudy: number, count: number, layout: StudyLayout): Generator<InstancePosition> {
  const perStudy = layout.seriesPerStudy * layout.instancesPerSeries;
  for (let i = 0; i < count; i++) {
    const inStudy = i % perStudy;
    yield {
      study: firstStudy + Math.floor(i / perStudy),
      series: Math.floor(inStudy / layout.instancesPerSeries),
      instance: inStudy % layout.instancesPerSeries,
    };
  }
}

/** Hands out study numbers that no other section of the run uses. */
export class StudyNumbers {
  #next = 1;

  take(count: number): number {
    const first = this.#next;
    this.#next += count;
    return first;
  }
}
