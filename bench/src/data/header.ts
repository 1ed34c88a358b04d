/** The header of the synthetic images: about 120 elements with sequences and private blocks, as a CT scanner writes them (3 KB). */
import type { ElementSpec } from '@cairn/testing';
import { element, sequence } from '@cairn/testing';
import type { Field } from './template.ts';
import { slot } from './template.ts';

/** Bytes of every UID the bench makes: `2.25.` and 35 digits, so that offsets never move (PS3.5 §9.1 allows 64). */
const UID_WIDTH = 40;

const FIXED_UID = `2.25.${'9'.repeat(35)}`;

/** What differs between the kinds of image. */
export interface ImageShape {
  readonly sopClassUid: string;
  readonly modality: string;
  readonly rows: number;
  readonly columns: number;
  readonly bitsAllocated: 8 | 16;
  readonly frames?: number;
}

function code(value: string, meaning: string): ElementSpec[] {
  return [element('00080100', 'SH', value), element('00080102', 'SH', '99LOCAL'), element('00080104', 'LO', meaning)];
}

function reference(sopClassUid: string): ElementSpec[] {
  return [element('00081150', 'UI', sopClassUid), element('00081155', 'UI', FIXED_UID)];
}

/** File meta information (PS3.10 §7.1) without its group length, which the template's caller prepends. */
export function metaElements(sopClassUid: string): Field[] {
  return [
    element('00020001', 'OB', Buffer.of(0, 1)),
    element('00020002', 'UI', sopClassUid),
    slot('00020003', 'UI', 'SOPInstanceUID', UID_WIDTH),
    element('00020010', 'UI', '1.2.840.10008.1.2.1'),
    element('00020012', 'UI', FIXED_UID),
  ];
}

/** All elements of an image but Pixel Data. */
export function headerElements(shape: ImageShape): Field[] {
  return [
    ...identity(shape),
    ...equipment(shape),
    ...acquisition(),
    ...geometry(),
    ...procedure(),
    ...imagePixel(shape),
    ...privateBlocks(),
  ];
}

function identity(shape: ImageShape): Field[] {
  const times = ['00080013', '00080030', '00080031', '00080032', '00080033'].map((tag) => element(tag, 'TM', '101530.250000'));
  const dates = ['00080012', '00080020', '00080021', '00080022', '00080023'].map((tag) => slot(tag, 'DA', 'StudyDate', 8));
  return [
    element('00080005', 'CS', 'ISO_IR 100'),
    element('00080008', 'CS', 'ORIGINAL\\PRIMARY\\AXIAL'),
    ...times,
    ...dates,
    element('00080016', 'UI', shape.sopClassUid),
    slot('00080018', 'UI', 'SOPInstanceUID', UID_WIDTH),
    slot('00080050', 'SH', 'AccessionNumber', 12),
    element('00080060', 'CS', shape.modality),
    slot('00100010', 'PN', 'PatientName', 32),
    slot('00100020', 'LO', 'PatientID', 12),
    element('00100030', 'DA', '19610412'),
    element('00100040', 'CS', 'F'),
    element('00101010', 'AS', '062Y'),
    element('00101030', 'DS', '72.5'),
    slot('0020000D', 'UI', 'StudyInstanceUID', UID_WIDTH),
    slot('0020000E', 'UI', 'SeriesInstanceUID', UID_WIDTH),
    slot('00200010', 'SH', 'StudyID', 12),
    slot('00200011', 'IS', 'SeriesNumber', 6),
    element('00200012', 'IS', '1'),
    slot('00200013', 'IS', 'InstanceNumber', 6),
  ];
}

function equipment(shape: ImageShape): ElementSpec[] {
  return [
    element('00080070', 'LO', 'Example Medical Systems'),
    element('00080080', 'LO', 'General Hospital North'),
    element('00080081', 'ST', '1 Main Street, Exampletown'),
    element('00080090', 'PN', 'REFERRER^PAT^^DR'),
    element('00080201', 'SH', '+0100'),
    element('00081010', 'SH', 'STATION1'),
    element('00081030', 'LO', 'THORAX ABDOMEN W CONTRAST'),
    sequence('00081032', [code('CTCHABD', 'CT chest abdomen')]),
    element('0008103E', 'LO', 'Series 0.625 STD'),
    element('00081040', 'LO', 'Radiology'),
    element('00081050', 'PN', 'PERFORMER^KIM'),
    element('00081060', 'PN', 'READER^LEE'),
    element('00081070', 'PN', 'OPERATOR^JO'),
    element('00081090', 'LO', 'Scanner 9000'),
    sequence('00081110', [reference('1.2.840.10008.3.1.2.3.1')]),
    sequence('00081111', [reference('1.2.840.10008.3.1.2.3.3')]),
    sequence('00081140', [reference(shape.sopClassUid), reference(shape.sopClassUid)]),
    element('00181020', 'LO', 'v24.1'),
    element('00181030', 'LO', '5.1 THORAX'),
    element('00181040', 'LO', 'IV'),
  ];
}

function acquisition(): ElementSpec[] {
  const decimals: [string, string][] = [
    ['00180050', '0.625'],
    ['00180060', '120'],
    ['00180090', '500'],
    ['00181100', '360'],
    ['00181110', '949'],
    ['00181111', '541'],
    ['00181120', '0'],
    ['00181130', '152.5'],
    ['00181190', '0.7'],
  ];
  return [
    ...decimals.map(([tag, value]) => element(tag, 'DS', value)),
    element('00180015', 'CS', 'CHEST'),
    element('00180022', 'CS', 'HELICAL MODE'),
    element('00181140', 'CS', 'CW'),
    element('00181150', 'IS', '500'),
    element('00181151', 'IS', '240'),
    element('00181152', 'IS', '100'),
    element('00181160', 'SH', 'BODY FILTER'),
    element('00181170', 'IS', '48000'),
    element('00181210', 'SH', 'STANDARD'),
    element('00185100', 'CS', 'FFS'),
    element('00189305', 'FD', 0.5),
    element('00189306', 'FD', 0.625),
    element('00189307', 'FD', 40),
    element('00189309', 'FD', 55),
    element('00189310', 'FD', 27.5),
    element('00189311', 'FD', 1.375),
  ];
}

function geometry(): ElementSpec[] {
  return [
    element('00200032', 'DS', '-180.0\\-180.0\\-312.500000'),
    element('00200037', 'DS', '1\\0\\0\\0\\1\\0'),
    element('00200052', 'UI', FIXED_UID),
    element('00201040', 'LO', 'XY'),
    element('00201041', 'DS', '-312.500000'),
    element('00204000', 'LT', 'Synthetic study for load tests; no person.'),
  ];
}

function procedure(): Field[] {
  return [
    slot('00400244', 'DA', 'StudyDate', 8),
    element('00400245', 'TM', '101530.000000'),
    element('00400253', 'SH', 'PPS1'),
    element('00400254', 'LO', 'CT chest abdomen'),
    sequence('00400275', [
      [
        element('00321060', 'LO', 'CT chest abdomen'),
        sequence('00321064', [code('CTCHABD', 'CT chest abdomen')]),
        element('00400007', 'LO', 'CT chest abdomen'),
        sequence('00400008', [code('P1', 'Protocol 1')]),
        element('00400009', 'SH', 'SPS1'),
        element('00401001', 'SH', 'RP1'),
      ],
    ]),
  ];
}

function imagePixel(shape: ImageShape): ElementSpec[] {
  const stored = shape.bitsAllocated;
  const frames: ElementSpec[] =
    shape.frames === undefined
      ? []
      : [element('00280008', 'IS', String(shape.frames)), element('00280009', 'AT', '00181063'), element('00181063', 'DS', '33.3')];
  return [
    ...frames,
    element('00280002', 'US', 1),
    element('00280004', 'CS', 'MONOCHROME2'),
    element('00280010', 'US', shape.rows),
    element('00280011', 'US', shape.columns),
    element('00280030', 'DS', '0.703125\\0.703125'),
    element('00280100', 'US', stored),
    element('00280101', 'US', stored),
    element('00280102', 'US', stored - 1),
    element('00280103', 'US', 0),
    element('00281050', 'DS', '40'),
    element('00281051', 'DS', '400'),
    element('00281052', 'DS', '-1024'),
    element('00281053', 'DS', '1'),
    element('00281054', 'LO', 'HU'),
  ];
}

function privateBlocks(): ElementSpec[] {
  return [
    element('00090010', 'LO', 'BENCH_IDEN_01'),
    element('00091001', 'LO', 'BENCH_GEN'),
    element('00091002', 'SH', 'CT01'),
    element('00091004', 'SH', 'SCANNER 9000'),
    element('00091027', 'UL', 1700000000),
    element('00430010', 'LO', 'BENCH_PARM_01'),
    element('0043100B', 'DS', '356.2'),
    element('00431010', 'US', 400),
    element('00431025', 'OB', Buffer.alloc(64, 3)),
    element('0043102A', 'OB', Buffer.alloc(512, 5)),
  ];
}
