import { element, sequence } from './dicom-element.ts';
import type { ElementSpec } from './dicom-element.ts';
import { isEncapsulated, pixelDataElements } from './pixel-data.ts';
import { seededUid } from './seeded.ts';
import { TRANSFER_SYNTAX, writeDicom } from './write-dicom.ts';

/** What a made study is like; every default can be left out. */
export interface StudySpec {
  /** Everything derived follows from it: UIDs, names, pixels. Default 1. */
  seed?: number;
  patientId?: string;
  patientName?: string;
  patientBirthDate?: string;
  patientSex?: string;
  issuerOfPatientId?: string;
  studyInstanceUid?: string;
  studyDate?: string;
  studyTime?: string;
  studyDescription?: string;
  accessionNumber?: string;
  /** Number of series, and of instances in each. Default 1. */
  series?: number;
  instances?: number;
  modality?: string;
  sopClassUid?: string;
  rows?: number;
  columns?: number;
  /** More than one makes multi-frame instances. Default 1. */
  frames?: number;
  bitsAllocated?: 8 | 16;
  transferSyntaxUid?: string;
  fragmentsPerFrame?: number;
  offsetTable?: 'basic' | 'empty' | 'extended';
  /** Elements that replace or join those of the phantom, by tag. */
  elements?: readonly ElementSpec[];
}

/** One made instance. */
export interface PhantomInstance {
  studyInstanceUid: string;
  seriesInstanceUid: string;
  sopInstanceUid: string;
  sopClassUid: string;
  transferSyntaxUid: string;
  /** The data set, to be changed and written by {@link writeDicom}. */
  elements(): ElementSpec[];
  /** The Part 10 file; written anew at each call, so that a big study need not be held. */
  bytes(): Buffer;
}

/** A made study. */
export interface PhantomStudy {
  patientId: string;
  patientName: string;
  studyInstanceUid: string;
  seriesInstanceUids: readonly string[];
  instances: readonly PhantomInstance[];
}

/** Shapes to spread into {@link aStudy}: a file of 3.5 KB, a CT slice of 528 KB, a radiograph of 18 MB. */
export const TINY: Pick<StudySpec, 'modality' | 'rows' | 'columns' | 'bitsAllocated'> = {
  modality: 'CT',
  rows: 36,
  columns: 36,
  bitsAllocated: 16,
};
export const CT_SLICE: typeof TINY = { modality: 'CT', rows: 512, columns: 512, bitsAllocated: 16 };
export const RADIOGRAPH: typeof TINY = { modality: 'CR', rows: 3072, columns: 3000, bitsAllocated: 16 };

const SOP_CLASS_OF_MODALITY: Readonly<Record<string, string>> = {
  CT: '1.2.840.10008.5.1.4.1.1.2',
  MR: '1.2.840.10008.5.1.4.1.1.4',
  CR: '1.2.840.10008.5.1.4.1.1.1',
  US: '1.2.840.10008.5.1.4.1.1.6.1',
  XA: '1.2.840.10008.5.1.4.1.1.12.1',
  OT: '1.2.840.10008.5.1.4.1.1.7',
};
const MULTI_FRAME_SOP_CLASS = '1.2.840.10008.5.1.4.1.1.7.3';
const VIDEO_SOP_CLASS = '1.2.840.10008.5.1.4.1.1.77.1.1.1';

type Complete = Required<Omit<StudySpec, 'elements' | 'issuerOfPatientId'>> & Pick<StudySpec, 'elements' | 'issuerOfPatientId'>;

/**
 * A study of made images, the same for the same arguments.
 *
 * @example const study = aStudy({ ...TINY, series: 2, instances: 10 }); await store(study.instances[0].bytes());
 */
export function aStudy(spec: StudySpec = {}): PhantomStudy {
  const complete = withDefaults(spec);
  const seriesInstanceUids = Array.from({ length: complete.series }, (_, index) => seededUid(`${complete.studyInstanceUid}/${index}`));
  return {
    patientId: complete.patientId,
    patientName: complete.patientName,
    studyInstanceUid: complete.studyInstanceUid,
    seriesInstanceUids,
    instances: seriesInstanceUids.flatMap((seriesInstanceUid, series) =>
      Array.from({ length: complete.instances }, (_, index) => phantom(complete, seriesInstanceUid, series + 1, index + 1)),
    ),
  };
}

function withDefaults(spec: StudySpec): Complete {
  const seed = spec.seed ?? 1;
  const modality = spec.modality ?? 'CT';
  return {
    seed,
    patientId: `P${seed}`,
    patientName: `Phantom^Number${seed}`,
    patientBirthDate: '19700101',
    patientSex: 'O',
    studyInstanceUid: seededUid(`study ${seed}`),
    studyDate: '20240229',
    studyTime: '101500',
    studyDescription: `Phantom study ${seed}`,
    accessionNumber: `A${seed}`,
    series: 1,
    instances: 1,
    modality,
    sopClassUid: sopClassFor(modality, spec),
    rows: TINY.rows!,
    columns: TINY.columns!,
    frames: 1,
    bitsAllocated: 16,
    transferSyntaxUid: TRANSFER_SYNTAX.explicitLittleEndian,
    fragmentsPerFrame: 1,
    offsetTable: 'basic',
    ...spec,
  };
}

function sopClassFor(modality: string, spec: StudySpec): string {
  if (spec.transferSyntaxUid === TRANSFER_SYNTAX.mpeg4) return VIDEO_SOP_CLASS;
  if ((spec.frames ?? 1) > 1) return MULTI_FRAME_SOP_CLASS;
  return SOP_CLASS_OF_MODALITY[modality] ?? SOP_CLASS_OF_MODALITY['OT']!;
}

function phantom(spec: Complete, seriesInstanceUid: string, seriesNumber: number, instanceNumber: number): PhantomInstance {
  const sopInstanceUid = seededUid(`${seriesInstanceUid}/${instanceNumber}`);
  const elements = (): ElementSpec[] =>
    merge(
      [
        ...identity(spec, sopInstanceUid),
        ...placement(spec, seriesInstanceUid, seriesNumber, instanceNumber),
        ...image(spec, seriesNumber * 1000 + instanceNumber),
      ],
      spec.elements ?? [],
    );
  return {
    studyInstanceUid: spec.studyInstanceUid,
    seriesInstanceUid,
    sopInstanceUid,
    sopClassUid: spec.sopClassUid,
    transferSyntaxUid: spec.transferSyntaxUid,
    elements,
    bytes: () => writeDicom({ elements: elements(), transferSyntaxUid: spec.transferSyntaxUid }),
  };
}

function identity(spec: Complete, sopInstanceUid: string): ElementSpec[] {
  return [
    element('00080005', 'CS', 'ISO_IR 192'),
    element('00080016', 'UI', spec.sopClassUid),
    element('00080018', 'UI', sopInstanceUid),
    element('00080020', 'DA', spec.studyDate),
    element('00080030', 'TM', spec.studyTime),
    element('00080050', 'SH', spec.accessionNumber),
    element('00080060', 'CS', spec.modality),
    element('00080090', 'PN', 'Referrer^Rita'),
    element('00081030', 'LO', spec.studyDescription),
    element('00100010', 'PN', spec.patientName),
    element('00100020', 'LO', spec.patientId),
    ...(spec.issuerOfPatientId === undefined ? [] : [element('00100021', 'LO', spec.issuerOfPatientId)]),
    element('00100030', 'DA', spec.patientBirthDate),
    element('00100040', 'CS', spec.patientSex),
  ];
}

function placement(spec: Complete, seriesInstanceUid: string, seriesNumber: number, instanceNumber: number): ElementSpec[] {
  return [
    element('0008103E', 'LO', `Series ${seriesNumber}`),
    sequence('00081140', [
      [element('00081150', 'UI', spec.sopClassUid), element('00081155', 'UI', seededUid(`${seriesInstanceUid}/reference`))],
    ]),
    element('0020000D', 'UI', spec.studyInstanceUid),
    element('0020000E', 'UI', seriesInstanceUid),
    element('00200010', 'SH', `S${spec.seed}`),
    element('00200011', 'IS', String(seriesNumber)),
    element('00200013', 'IS', String(instanceNumber)),
    element('00200032', 'DS', `0\\0\\${instanceNumber}`),
    element('00200037', 'DS', '1\\0\\0\\0\\1\\0'),
  ];
}

function image(spec: Complete, pixelSeed: number): ElementSpec[] {
  const encapsulated = isEncapsulated(spec.transferSyntaxUid);
  return [
    element('00280002', 'US', 1),
    element('00280004', 'CS', 'MONOCHROME2'),
    ...(spec.frames > 1 ? [element('00280008', 'IS', String(spec.frames))] : []),
    element('00280010', 'US', spec.rows),
    element('00280011', 'US', spec.columns),
    element('00280100', 'US', spec.bitsAllocated),
    element('00280101', 'US', spec.bitsAllocated === 16 ? 12 : 8),
    element('00280102', 'US', spec.bitsAllocated === 16 ? 11 : 7),
    element('00280103', 'US', 0),
    element('00281050', 'DS', '2048'),
    element('00281051', 'DS', '4096'),
    ...pixelDataElements({ ...spec, seed: spec.seed * 100_003 + pixelSeed, fragmentsPerFrame: encapsulated ? spec.fragmentsPerFrame : 1 }),
  ];
}

/** `base` with elements replaced or added by tag, in tag order. */
function merge(base: readonly ElementSpec[], changes: readonly ElementSpec[]): ElementSpec[] {
  const changed = new Set(changes.map((each) => each.tag));
  return [...base.filter((each) => !changed.has(each.tag)), ...changes].sort((left, right) => (left.tag < right.tag ? -1 : 1));
}
