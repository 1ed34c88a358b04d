import { CairnError } from '@cairn/core';
import type { ScanResult } from '@cairn/dicom';
import type { ReceiptSource } from '@cairn/metadata-store';
import type { ObjectAttributes } from '@cairn/object-store';

const VERSION = '1';

/** What travels with a landing object: facts that its bytes do not hold, and what proves the bytes. */
export interface LandingAttributes {
  source: ReceiptSource;
  defaultIssuer: string;
  /** Transfer syntax by which a bare data set has to be read; absent for Part 10. */
  transferSyntaxUid?: string;
  sizeBytes: number;
  dataSetOffset: number;
  sha256DataSet: string;
  sha256Meta: string;
  /** The span that received it, as W3C Trace Context writes it: leads from an object to its trace. */
  traceparent?: string;
}

/** The attributes of an instance just scanned, as the object store takes them (well below 2 KiB). */
export function encodeLandingAttributes(
  scan: ScanResult,
  received: Pick<LandingAttributes, 'source' | 'defaultIssuer' | 'transferSyntaxUid' | 'traceparent'>,
): ObjectAttributes {
  return {
    version: VERSION,
    source: JSON.stringify(received.source),
    defaultIssuer: received.defaultIssuer,
    ...(scan.dataSetOffset === 0 && received.transferSyntaxUid !== undefined ? { transferSyntaxUid: received.transferSyntaxUid } : {}),
    sizeBytes: String(scan.sizeBytes),
    dataSetOffset: String(scan.dataSetOffset),
    sha256DataSet: scan.sha256DataSet,
    sha256Meta: scan.sha256Meta,
    ...(received.traceparent === undefined ? {} : { traceparent: received.traceparent }),
  };
}

/** Reads back what {@link encodeLandingAttributes} made; missing or of another version → `object-store.digest-mismatch`. */
export function decodeLandingAttributes(attributes: ObjectAttributes): LandingAttributes {
  const { version, source, defaultIssuer, transferSyntaxUid, sizeBytes, dataSetOffset, sha256DataSet, sha256Meta } = attributes;
  const complete = source !== undefined && sha256DataSet !== undefined && sha256Meta !== undefined;
  if (version !== VERSION || !complete) {
    throw new CairnError('object-store.digest-mismatch', 'The landing object has no attributes that would prove its bytes.');
  }
  return {
    source: JSON.parse(source) as ReceiptSource,
    defaultIssuer: defaultIssuer ?? '',
    ...(transferSyntaxUid === undefined ? {} : { transferSyntaxUid }),
    sizeBytes: Number(sizeBytes),
    dataSetOffset: Number(dataSetOffset),
    sha256DataSet,
    sha256Meta,
  };
}
