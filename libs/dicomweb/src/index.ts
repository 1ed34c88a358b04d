export { parseAccept } from './accept/accept.ts';
export type { Accept, AcceptEntry } from './accept/accept.ts';
export { chooseBytes, chooseTransferSyntax } from './accept/choose.ts';
export type { CanGive, ChosenBytes, StoredBytes } from './accept/choose.ts';
export { DICOM_FILE, DICOM_JSON, DICOM_XML, EXPLICIT_LITTLE_ENDIAN, MULTIPART_RELATED, OCTET_STREAM } from './accept/media-type-table.ts';
export { parameterOf, parseMediaType } from './accept/media-type.ts';
export type { MediaType } from './accept/media-type.ts';
export { negotiateBulkData, negotiateDataSets, negotiateFrames, negotiateInstances, negotiateStoreAnswer } from './accept/negotiate.ts';
export type { BulkChoice, DataSetFormat, InstanceChoice, StoreAnswerFormat } from './accept/negotiate.ts';
export { HTTP_STATUS, httpStatusOf, stowReasonOf } from './errors/error-table.ts';
export type { HttpError } from './errors/error-table.ts';
export { acceptsGzip } from './http/content-coding.ts';
export { matchesEntityTag, weakEntityTag } from './http/entity-tag.ts';
export { bulkDataPath, frameList, pathUid } from './http/identifiers.ts';
export { parseRange } from './http/range.ts';
export type { RequestedRange } from './http/range.ts';
export { warning299 } from './http/warning.ts';
export { boundaryFor, boundaryOf } from './multipart/boundary.ts';
export type { PartHeaders } from './multipart/part-headers.ts';
export { readMultipart } from './multipart/reader.ts';
export type { MultipartLimits, MultipartPart } from './multipart/reader.ts';
export {
  bytesSegment,
  closingDelimiter,
  multipartSegments,
  multipartType,
  partHeader,
  readSegments,
  totalSize,
} from './multipart/writer.ts';
export type { BodySegment, PartDescription, PartSegment } from './multipart/writer.ts';
export { parseAttributePath } from './query/attribute-path.ts';
export type { AttributePath, NamedAttribute } from './query/attribute-path.ts';
export { parseQidoQuery } from './query/qido-query.ts';
export type { QidoKey, QidoQuery } from './query/qido-query.ts';
export { parseQueryString, valuesOf } from './query/query-string.ts';
export type { QueryParameter } from './query/query-string.ts';
export { storeAnswer } from './stow/store-answer.ts';
export type { FailedReference, StoreAnswer, StoredReference } from './stow/store-answer.ts';
export { toNativeXml } from './xml/native-model.ts';
