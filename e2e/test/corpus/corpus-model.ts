import type { DicomJson } from '@cairn/core';
import { textOf } from '../harness/web.ts';
import { versionsOf } from './corpus-run.ts';
import type { AcceptedFile } from './corpus-run.ts';

/** What a query should tell of a study; texts as in DICOM, several values in ascending order. */
export interface StudyFacts {
  studyInstanceUid: string;
  patientId: string;
  modalities: string;
  numberOfSeries: string;
  numberOfInstances: string;
}

/**
 * Computes what the index must hold of files that arrived in this order. Of each instance its last version counts; where instances of a
 * study or series disagree, the one whose version arrived first speaks for it.
 */
export function studiesOf(arrived: readonly AcceptedFile[]): StudyFacts[] {
  const versions = [...versionsOf(arrived).values()].map((each) => each.at(-1)!);
  const current = arrived.filter((file) => versions.includes(file));
  const studies = Map.groupBy(current, (file) => file.studyInstanceUid);
  const facts = [...studies].map(([studyInstanceUid, members]) => {
    const series = [...Map.groupBy(members, (file) => file.seriesInstanceUid).values()];
    return {
      studyInstanceUid,
      patientId: members[0]!.patientId,
      modalities: sortedValues(series.map(([first]) => first!.modality)),
      numberOfSeries: String(series.length),
      numberOfInstances: String(members.length),
    };
  });
  return facts.sort(byStudy);
}

/** The same facts from an answer of QIDO-RS or C-FIND. */
export function studyFacts(answers: readonly DicomJson[]): StudyFacts[] {
  const facts = answers.map((answer) => ({
    studyInstanceUid: textOf(answer, '0020000D'),
    patientId: textOf(answer, '00100020'),
    modalities: sortedValues(textOf(answer, '00080061').split('\\')),
    numberOfSeries: textOf(answer, '00201206'),
    numberOfInstances: textOf(answer, '00201208'),
  }));
  return facts.sort(byStudy);
}

function sortedValues(values: readonly string[]): string {
  return [...new Set(values)].filter(Boolean).sort().join('\\');
}

function byStudy(left: StudyFacts, right: StudyFacts): number {
  return left.studyInstanceUid < right.studyInstanceUid ? -1 : 1;
}
