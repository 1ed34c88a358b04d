import { createHash } from 'node:crypto';
import type { DicomJson } from '@cairn/core';
import type { InstanceReceipt } from './documents.ts';

/** What a test says of a receipt; the rest follows from the seed. */
export interface ReceiptSpec {
  ulid?: string;
  study?: string;
  series?: string;
  sop?: string;
  /** Stands for the content: equal texts are equal data sets. */
  content?: string;
  /** Stands for the elements; default: the content. */
  elements?: string;
  transferSyntaxUid?: string;
  sopClassUid?: string;
  defaultIssuer?: string;
  sizeBytes?: number;
  /** Attributes that replace or join the defaults; undefined removes. */
  attributes?: Readonly<Record<string, DicomJson[string] | undefined>>;
}

/** A ULID by number: greater numbers sort later. */
export function ulidOf(number: number): string {
  return `01${number.toString(10).padStart(24, '0')}`;
}

/** An element of the DICOM JSON model. */
export function json(vr: string, ...values: NonNullable<DicomJson[string]['Value']>): DicomJson[string] {
  return values.length === 0 ? { vr } : { vr, Value: values };
}

const DEFAULT_ATTRIBUTES: DicomJson = {
  '00080020': json('DA', '20240131'),
  '00080030': json('TM', '101500'),
  '00080050': json('SH', 'ACC1'),
  '00080060': json('CS', 'CT'),
  '00080090': json('PN', { Alphabetic: 'House^Gregory' }),
  '00081030': json('LO', 'Thorax'),
  '00100010': json('PN', { Alphabetic: 'Doe^Jane' }),
  '00100020': json('LO', 'P1'),
  '00100030': json('DA', '19700101'),
  '00100040': json('CS', 'F'),
  '00200011': json('IS', 1),
};

/** All items of an iterable. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/** A receipt with plausible attributes. */
export function aReceipt(number: number, spec: ReceiptSpec = {}): InstanceReceipt {
  const { study = '1.2.1', series = `${study}.1`, sop = `${series}.${number}`, sopClassUid = '1.2.840.10008.5.1.4.1.1.2' } = spec;
  const { content = sop, transferSyntaxUid = '1.2.840.10008.1.2.1', sizeBytes = 1000, ulid = ulidOf(number) } = spec;
  return {
    ulid,
    studyInstanceUid: study,
    seriesInstanceUid: series,
    sopInstanceUid: sop,
    sopClassUid,
    transferSyntaxUid,
    sha256DataSet: digest(content + transferSyntaxUid),
    sha256Meta: digest(ulid),
    sha256Elements: digest(spec.elements ?? content),
    sizeBytes,
    dataSetOffset: 350,
    location: { key: `landing/default/2024013110/${ulid}.dcm`, offset: 0, length: sizeBytes },
    source: { protocol: 'dimse', callingAet: 'MODALITY' },
    header: headerText({
      ...DEFAULT_ATTRIBUTES,
      '00080016': json('UI', sopClassUid),
      '00080018': json('UI', sop),
      '0020000D': json('UI', study),
      '0020000E': json('UI', series),
      '00200013': json('IS', number),
      ...spec.attributes,
    }),
    bulk: `{"00091010":[${number},10]}`,
    defaultIssuer: spec.defaultIssuer ?? '',
  };
}

function headerText(attributes: NonNullable<ReceiptSpec['attributes']>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(attributes).filter(([, element]) => element !== undefined)));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
