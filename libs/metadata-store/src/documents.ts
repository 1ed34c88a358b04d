import type { DicomJson } from '@cairn/core';

/** Where the bytes of one receipt lie. */
export interface ObjectLocation {
  key: string;
  /** First byte within the object (0 for a landing object). */
  offset: number;
  length: number;
}

/** Through which door and from whom an instance came. */
export interface ReceiptSource {
  protocol: 'dimse' | 'stow' | 'import';
  callingAet?: string;
  calledAet?: string;
  /** Numeric address of the peer. */
  address?: string;
}

/** One instance as it was received once; everything that the index needs, computed while the bytes streamed in. */
export interface InstanceReceipt {
  /** Identity of the receipt; the same ULID again is a redelivery. */
  ulid: string;
  studyInstanceUid: string;
  seriesInstanceUid: string;
  sopInstanceUid: string;
  sopClassUid: string;
  transferSyntaxUid: string;
  /** Hex SHA-256 of all after the file meta information; with the transfer syntax it decides sameness. */
  sha256DataSet: string;
  /** Hex SHA-256 of preamble and file meta information. */
  sha256Meta: string;
  /** Hex SHA-256 over the comparable elements: equal across transfer syntaxes of one content. */
  sha256Elements: string;
  /** Bytes of the stored object. */
  sizeBytes: number;
  /** First byte of the data set within the stored object: length of preamble and meta information (0 for a bare data set). */
  dataSetOffset: number;
  location: ObjectLocation;
  source: ReceiptSource;
  /** DICOM JSON text of the data set (no group 0002), ready to send but for the prefix of relative `BulkDataURI`s. */
  header: string;
  /** JSON text of the bulk table: path → [offset, length], offsets from the stored object's first byte (or inflated stream). */
  bulk: string;
  /** JSON text of the pixel data description with its frame table; absent without pixel data. */
  pixels?: string;
  /** Issuer that identifiers without one get: the source's, else the tenant's; empty when none is configured. */
  defaultIssuer: string;
}

/** A receipt without its texts. */
export type ReceiptRecord = Omit<InstanceReceipt, 'header' | 'bulk' | 'pixels'>;

/** One distinct content (data set SHA-256 + transfer syntax) of an instance. */
export interface InstanceVersion {
  /** The smallest receipt of this content: places the version among the others. */
  ulid: string;
  transferSyntaxUid: string;
  sopClassUid: string;
  sha256DataSet: string;
  sha256Meta: string;
  sha256Elements: string;
  sizeBytes: number;
  dataSetOffset: number;
  location: ObjectLocation;
  source: ReceiptSource;
  /** ULID of the newest fact that made this version the current one by hand: places it as if received then. */
  preferred?: string;
  /** Every receipt of this content in ascending order; the first is `ulid`. Without `location`: its object was collected. */
  receipts: readonly { ulid: string; location?: ObjectLocation; source: ReceiptSource }[];
}

/** An instance: unique by (tenant, study, series, SOP Instance UID). */
export interface InstanceDocument {
  studyInstanceUid: string;
  seriesInstanceUid: string;
  sopInstanceUid: string;
  sopClassUid: string;
  instanceNumber?: number;
  /** Ascending by `preferred`, else `ulid`; the last is the current one. */
  versions: readonly InstanceVersion[];
}

/** A series: attributes of the instance whose current version has the smallest ULID; counts derived from its instances. */
export interface SeriesDocument {
  studyInstanceUid: string;
  seriesInstanceUid: string;
  /** Series level attributes as received, DICOM JSON. */
  attributes: DicomJson;
  numberOfInstances: number;
  sizeBytes: number;
  /** ULID of the representative version. */
  representative: string;
}

/** A study: attributes as those of a series, plus what is derived from its series. */
export interface StudyDocument {
  studyInstanceUid: string;
  /** Patient and study level attributes as received, DICOM JSON. */
  attributes: DicomJson;
  patientKey: string;
  modalities: readonly string[];
  sopClasses: readonly string[];
  numberOfSeries: number;
  numberOfInstances: number;
  sizeBytes: number;
  representative: string;
}

/** A patient: unique by (tenant, issuer, id); without a Patient ID one per study. */
export interface PatientDocument {
  /** `issuer|id`, or `study|<StudyInstanceUID>` for a study without Patient ID. */
  patientKey: string;
  attributes: DicomJson;
  numberOfStudies: number;
  numberOfSeries: number;
  numberOfInstances: number;
}

/** A contradiction that was stored and flagged; it waits on the reconciliation list. */
export interface ConflictDocument {
  /** Derived from its content, so that a replay finds the same: hash over kind and the parties. */
  id: string;
  /**
   * `patient-identity`: other name, birth date or sex under one identifier, or one study under two patients.
   * `instance-elsewhere`: one SOP Instance UID in two series, or one series UID in two studies. `content`: other content
   * under a known SOP Instance UID.
   */
  kind: 'patient-identity' | 'instance-elsewhere' | 'content';
  studyInstanceUid: string;
  seriesInstanceUid?: string;
  sopInstanceUid?: string;
  /** The earliest receipts of the two that contradict each other, ascending. */
  receipts: readonly string[];
  /** Set when resolved by hand, from the journal. */
  resolution?: { ulid: string; action: string };
}
