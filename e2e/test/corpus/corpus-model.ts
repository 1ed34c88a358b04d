import type { DicomJson } from '@cairn/core';
import type { CorpusFile } from '@cairn/testing';
import { textOf } from '../harness/web.ts';

/** What a query should tell of a study; texts as in DICOM, several values in ascending order. */
export interface StudyFacts {
  studyInstanceUid: string;
  patientId: string;
  modalities: string;
  numberOfSeries: string;
  numberOfInstances: string;
}

/** Computes from the manifest what the index must hold of the studies of these files. */
export function studiesOf(files: readonly CorpusFile[]): StudyFacts[] {
  const studies = Map.groupBy(files, (file) => file.studyInstanceUid);
  const facts = [...studies].map(([studyInstanceUid, members]) => ({
    studyInstanceUid,
    patientId: members[0]!.patientId,
    modalities: sortedValues(members.map((file) => file.modality)),
    numberOfSeries: String(new Set(members.map((file) => file.seriesInstanceUid)).size),
    numberOfInstances: String(new Set(members.map((file) => `${file.seriesInstanceUid}/${file.sopInstanceUid}`)).size),
  }));
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
