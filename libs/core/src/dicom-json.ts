/**
 * The DICOM JSON model (PS3.18 annex F), shared by every library that names attributes. Keys are 8 upper-case hex digits.
 */
export interface DicomJsonElement {
  vr: string;
  Value?: readonly DicomJsonValue[];
  /** In a stored header relative: `bulkdata/<path>`, where path is tag[/itemIndex/tag]…, item index from 0. */
  BulkDataURI?: string;
  /** Base64 of a short binary value. */
  InlineBinary?: string;
}

/** A person name's component groups (PS3.18 §F.2.2). */
export interface DicomJsonPersonName {
  Alphabetic?: string;
  Ideographic?: string;
  Phonetic?: string;
}

/** One value: text, number, person name, sequence item; null for an empty value within several. */
export type DicomJsonValue = string | number | null | DicomJsonPersonName | DicomJson;

/** A data set: tag → element. */
export interface DicomJson {
  [tag: string]: DicomJsonElement;
}
