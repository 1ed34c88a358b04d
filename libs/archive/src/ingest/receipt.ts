import { requireIdentifiers } from '@cairn/dicom';
import type { ScanResult } from '@cairn/dicom';
import type { InstanceReceipt, ReceiptSource } from '@cairn/metadata-store';

/** A receipt's facts that no scan tells. */
export interface ReceiptFacts {
  ulid: string;
  key: string;
  source: ReceiptSource;
  defaultIssuer: string;
}

/** The receipt of a scanned instance. Throws `dicom.missing-identifier` or `dicom.invalid-identifier`. */
export function receiptOf(scan: ScanResult, { ulid, key, source, defaultIssuer }: ReceiptFacts): InstanceReceipt {
  return {
    ulid,
    ...requireIdentifiers(scan),
    transferSyntaxUid: scan.transferSyntaxUid,
    sha256DataSet: scan.sha256DataSet,
    sha256Meta: scan.sha256Meta,
    sha256Elements: scan.sha256Elements,
    sizeBytes: scan.sizeBytes,
    dataSetOffset: scan.dataSetOffset,
    location: { key, offset: 0, length: scan.sizeBytes },
    source,
    header: JSON.stringify(scan.header),
    bulk: JSON.stringify(scan.bulk),
    ...(scan.pixels === undefined ? {} : { pixels: JSON.stringify(scan.pixels) }),
    defaultIssuer,
  };
}
