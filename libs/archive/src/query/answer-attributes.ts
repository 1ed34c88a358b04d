import type { QueryLevel } from '@cairn/metadata-store';

/**
 * What every answer of a level has (PS3.18 tables 10.6.3-3 to -5, and what viewers need beyond): `required` are present
 * without value when unknown, `known` only with one.
 */
export const ANSWER_ATTRIBUTES: Readonly<Record<QueryLevel, { required: readonly string[]; known: readonly string[] }>> = {
  patient: {
    // PatientName, PatientID, PatientBirthDate, PatientSex, NumberOfPatientRelatedStudies, …Series, …Instances
    required: tags('00100010 00100020 00100030 00100040 00201200 00201202 00201204'),
    // IssuerOfPatientID
    known: tags('00100021'),
  },
  study: {
    // StudyDate, StudyTime, AccessionNumber, InstanceAvailability, ModalitiesInStudy, ReferringPhysicianName, PatientName,
    // PatientID, PatientBirthDate, PatientSex, StudyInstanceUID, StudyID, NumberOfStudyRelatedSeries, …Instances
    required: tags(
      '00080020 00080030 00080050 00080056 00080061 00080090 00100010 00100020 00100030 00100040 0020000D 00200010 00201206 00201208',
    ),
    // TimezoneOffsetFromUTC, StudyDescription, IssuerOfPatientID
    known: tags('00080201 00081030 00100021'),
  },
  series: {
    // InstanceAvailability, Modality, StudyInstanceUID, SeriesInstanceUID, SeriesNumber, NumberOfSeriesRelatedInstances
    required: tags('00080056 00080060 0020000D 0020000E 00200011 00201209'),
    // SeriesDate, SeriesTime, TimezoneOffsetFromUTC, SeriesDescription, PerformedProcedureStepStartDate, …Time,
    // RequestAttributesSequence
    known: tags('00080021 00080031 00080201 0008103E 00400244 00400245 00400275'),
  },
  instance: {
    // SOPClassUID, SOPInstanceUID, InstanceAvailability, AvailableTransferSyntaxUID, StudyInstanceUID, SeriesInstanceUID,
    // InstanceNumber
    required: tags('00080016 00080018 00080056 00083002 0020000D 0020000E 00200013'),
    // TimezoneOffsetFromUTC, NumberOfFrames, Rows, Columns, BitsAllocated
    known: tags('00080201 00280008 00280010 00280011 00280100'),
  },
};

/** Levels from the highest to the lowest. */
export const LEVELS: readonly QueryLevel[] = ['patient', 'study', 'series', 'instance'];

function tags(list: string): readonly string[] {
  return list.split(' ');
}
