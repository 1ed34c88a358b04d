import { encodeDataSet, encodeFileMeta } from '@cairn/dicom';
import type { DicomJson, DicomJsonElement } from '@cairn/core';

/** The sample study's fixed identity: no patient, no owner. */
export const SAMPLE = {
  patientId: 'CAIRN-SAMPLE',
  studyInstanceUid: '2.25.221838904158403107391730914093021000001',
  slices: 5,
} as const;

const SERIES = '2.25.221838904158403107391730914093021000002';
const CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2';
const EXPLICIT_VR_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
const SIZE = 128;

/** The Part 10 files of a phantom CT series: a cylinder with three rods that thin out from slice to slice. */
export function sampleStudy(): { name: string; bytes: Buffer }[] {
  return Array.from({ length: SAMPLE.slices }, (_, index) => {
    const sopInstanceUid = `${SERIES}.${index + 1}`;
    const meta = encodeFileMeta({ sopClassUid: CT_IMAGE_STORAGE, sopInstanceUid, transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN });
    const dataSet = encodeDataSet(slice(index, sopInstanceUid), EXPLICIT_VR_LITTLE_ENDIAN);
    return { name: `slice-${index + 1}.dcm`, bytes: Buffer.concat([meta, dataSet]) };
  });
}

/** The study as one multipart/related body, so that one `curl --data-binary` sends it. */
export function sampleMultipart(boundary: string): Buffer {
  const parts = sampleStudy().flatMap(({ bytes }) => [
    Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]);
}

function slice(index: number, sopInstanceUid: string): DicomJson {
  const one = (vr: string, value: string | number): DicomJsonElement => ({ vr, Value: [value] });
  const name = (text: string): DicomJsonElement => ({ vr: 'PN', Value: [{ Alphabetic: text }] });
  return {
    '00080005': one('CS', 'ISO_IR 192'),
    '00080008': { vr: 'CS', Value: ['ORIGINAL', 'PRIMARY', 'AXIAL'] },
    '00080016': one('UI', CT_IMAGE_STORAGE),
    '00080018': one('UI', sopInstanceUid),
    '00080020': one('DA', '20260101'),
    '00080030': one('TM', '120000'),
    '00080050': one('SH', 'SAMPLE1'),
    '00080060': one('CS', 'CT'),
    '00080090': name('Referring^Sample'),
    '00081030': one('LO', 'Sample study'),
    '0008103E': one('LO', 'Phantom'),
    '00100010': name('Sample^Phantom'),
    '00100020': one('LO', SAMPLE.patientId),
    '00100030': { vr: 'DA' },
    '00100040': one('CS', 'O'),
    '0020000D': one('UI', SAMPLE.studyInstanceUid),
    '0020000E': one('UI', SERIES),
    '00200010': one('SH', '1'),
    '00200011': one('IS', 1),
    '00200013': one('IS', index + 1),
    '00200032': { vr: 'DS', Value: [0, 0, index * 5] },
    '00200037': { vr: 'DS', Value: [1, 0, 0, 0, 1, 0] },
    '00200052': one('UI', `${SERIES}.100`),
    '00280002': one('US', 1),
    '00280004': one('CS', 'MONOCHROME2'),
    '00280010': one('US', SIZE),
    '00280011': one('US', SIZE),
    '00280030': { vr: 'DS', Value: [2, 2] },
    '00280100': one('US', 16),
    '00280101': one('US', 16),
    '00280102': one('US', 15),
    '00280103': one('US', 1),
    '00281050': one('DS', 40),
    '00281051': one('DS', 400),
    '00281052': one('DS', 0),
    '00281053': one('DS', 1),
    '7FE00010': { vr: 'OW', InlineBinary: pixels(index).toString('base64') },
  };
}

function pixels(index: number): Buffer {
  const bytes = Buffer.alloc(SIZE * SIZE * 2);
  const rods = [-30, 0, 30].map((x) => ({ x, y: 0, radius: 12 - index * 2, value: 600 }));
  for (let row = 0; row < SIZE; row++) {
    for (let column = 0; column < SIZE; column++) {
      const [x, y] = [column - SIZE / 2, row - SIZE / 2];
      const rod = rods.find((candidate) => Math.hypot(x - candidate.x, y - candidate.y) < candidate.radius);
      const water = Math.hypot(x, y) < 55 ? 0 : -1000;
      bytes.writeInt16LE(rod?.value ?? water, (row * SIZE + column) * 2);
    }
  }
  return bytes;
}
