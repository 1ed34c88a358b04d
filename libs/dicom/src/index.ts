export type { FrameTable, PixelDataDescription, ScanResult, Span } from './scan-result.ts';
export { DicomScanner } from './scanner/scanner.ts';
export type { ScannerOptions } from './scanner/scanner.ts';
export { DEFAULT_SCAN_LIMITS } from './scanner/limits.ts';
export type { ScanLimits } from './scanner/limits.ts';
export { requireIdentifiers } from './identifiers.ts';
export type { InstanceIdentifiers } from './identifiers.ts';
export { findAttribute, isPrivate, isTag, vrOf } from './tables/dictionary.ts';
export type { Attribute } from './tables/dictionary.ts';
export { MEDIA_STORAGE_DIRECTORY, SOP_CLASSES } from './tables/sop-classes.ts';
export type { SopClass } from './tables/sop-classes.ts';
export {
  DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
  EXPLICIT_VR_BIG_ENDIAN,
  EXPLICIT_VR_LITTLE_ENDIAN,
  IMPLICIT_VR_LITTLE_ENDIAN,
  TRANSFER_SYNTAXES,
} from './tables/transfer-syntaxes.ts';
export type { TransferSyntax } from './tables/transfer-syntaxes.ts';
export { isToleratedUid, isUid } from './tables/uid.ts';
export { vrRule } from './tables/vr.ts';
export type { VrKind, VrRule } from './tables/vr.ts';
export { decodeText } from './text/decode-text.ts';
export { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, encodeFileMeta } from './write/file-meta.ts';
export type { FileMetaSpec } from './write/file-meta.ts';
export { encodeText } from './text/encode-text.ts';
export { encodeDataSet } from './write/encode-data-set.ts';
export type { EncodeOptions } from './write/encode-data-set.ts';
export { decodeDataSet } from './json/decode-data-set.ts';
export type { DecodeOptions } from './json/decode-data-set.ts';
export { convertible, inflateDataSet, transcodeDataSet } from './write/transcode-data-set.ts';
export type { Overlay } from './write/overlay.ts';
