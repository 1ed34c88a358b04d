import type { InstanceReceipt } from '@cairn/metadata-store';

const FREQUENT = 'Smith Garcia Müller Lee Johnson Brown Rossi Nowak Martin Ivanova Jansen Silva Kowalski Schmidt Dubois'.split(' ');
const GIVEN = 'John Anna Maria James Peter Eva Karl Sofia Paul Laura Omar Ines Thomas Julia Marco Elena Abdul Zuzanna Quentin Xin'.split(
  ' ',
);
const IDEOGRAPHIC = ['山田^太郎', '鈴木^花子', '佐藤^一郎', '王^小东', '김^희중'];
const DESCRIPTIONS =
  'CT Thorax|MR Knee left|Abdomen with contrast|Head routine|Chest PA and lateral|Lumbar spine|Mammography screening'.split('|');
const MODALITIES = 'CT MR CR DX US MG XA NM PT'.split(' ');
const DAY_MS = 86_400_000;
/** A header has the size of a CT's. */
const FILLER = 'x'.repeat(2200);

/** Receipts of studies of ten years, in batches; frequent and rare names, one in fifty ideographic, dates near their order of arrival. */
export function* aMillionStudies(studies: number, instances: number, batchSize: number): Generator<InstanceReceipt[]> {
  let batch: InstanceReceipt[] = [];
  for (let study = 0; study < studies; study++) {
    for (let instance = 0; instance < instances; instance++) {
      batch.push(receiptOf(study, instance, study * instances + instance, studies));
      if (batch.length < batchSize) continue;
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

function receiptOf(study: number, instance: number, number: number, studies: number): InstanceReceipt {
  const studyInstanceUid = `1.2.3.${study}`;
  const seriesInstanceUid = `${studyInstanceUid}.${instance % 4}`;
  const sopInstanceUid = `${seriesInstanceUid}.${instance}`;
  const digest = number.toString(16).padStart(64, '0');
  const length = 3500;
  return {
    ulid: `01${String(number).padStart(24, '0')}`,
    studyInstanceUid,
    seriesInstanceUid,
    sopInstanceUid,
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    sha256DataSet: digest,
    sha256Meta: digest,
    sha256Elements: digest,
    sizeBytes: length,
    dataSetOffset: 350,
    location: { key: `landing/default/2024013110/${digest.slice(38)}.dcm`, offset: 0, length },
    source: { protocol: 'dimse', callingAet: 'MODALITY', calledAet: 'CAIRN', address: '127.0.0.1' },
    header: JSON.stringify(headerOf(study, instance, studies, { studyInstanceUid, seriesInstanceUid, sopInstanceUid })),
    bulk: '{"7FE00010":[1000,2592]}',
    pixels: '{"tag":"7FE00010","vr":"OW","numberOfFrames":1,"rows":36,"columns":36}',
    defaultIssuer: '',
  };
}

function headerOf(
  study: number,
  instance: number,
  studies: number,
  uids: { studyInstanceUid: string; seriesInstanceUid: string; sopInstanceUid: string },
): object {
  const random = (study * 2_654_435_761) % 4_294_967_296;
  const family = random % 3 === 0 ? FREQUENT[(random >>> 3) % FREQUENT.length]! : `Name${random % 9000}`;
  const name = { Alphabetic: `${family}^${GIVEN[(random >> 4) & 15]!}`, ...(study % 50 === 0 && { Ideographic: IDEOGRAPHIC[random % 5] }) };
  const day = new Date(Date.UTC(2014, 0, 1) + Math.floor((study / studies) * 3650) * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '');
  return {
    '00080008': { vr: 'CS', Value: ['ORIGINAL', 'PRIMARY', 'AXIAL'] },
    '00080016': { vr: 'UI', Value: ['1.2.840.10008.5.1.4.1.1.2'] },
    '00080018': { vr: 'UI', Value: [uids.sopInstanceUid] },
    '00080020': { vr: 'DA', Value: [day] },
    '00080030': { vr: 'TM', Value: ['101500'] },
    '00080050': { vr: 'SH', Value: [`A${study}`] },
    '00080060': { vr: 'CS', Value: [study % 5000 === 0 ? 'OPT' : MODALITIES[(random >>> 5) % MODALITIES.length]!] },
    '00080090': { vr: 'PN', Value: [{ Alphabetic: `Referrer${random % 500}^Max` }] },
    '00081030': { vr: 'LO', Value: [DESCRIPTIONS[(random >>> 7) % DESCRIPTIONS.length]!] },
    '00100010': { vr: 'PN', Value: [name] },
    '00100020': { vr: 'LO', Value: [`P${study}`] },
    '00100030': { vr: 'DA', Value: ['19700101'] },
    '00100040': { vr: 'CS', Value: ['F'] },
    '0020000D': { vr: 'UI', Value: [uids.studyInstanceUid] },
    '0020000E': { vr: 'UI', Value: [uids.seriesInstanceUid] },
    '00200011': { vr: 'IS', Value: [instance % 4] },
    '00200013': { vr: 'IS', Value: [instance] },
    '00091010': { vr: 'LO', Value: [FILLER] },
  };
}
