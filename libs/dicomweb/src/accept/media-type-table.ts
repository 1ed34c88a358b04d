/** DICOM in JSON (PS3.18 annex F). */
export const DICOM_JSON = 'application/dicom+json';
/** The native DICOM model in XML (PS3.19 annex A). */
export const DICOM_XML = 'application/dicom+xml';
/** A Part 10 file (RFC 3240). */
export const DICOM_FILE = 'application/dicom';
/** Bytes without a type of their own: uncompressed frames, bulk data. */
export const OCTET_STREAM = 'application/octet-stream';
/** Several parts, the first being the root (RFC 2387). */
export const MULTIPART_RELATED = 'multipart/related';

/** Explicit VR Little Endian: what DICOMweb gives when no transfer syntax is asked for (PS3.18 §8.7.3). */
export const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';

const JPEG = '1.2.840.10008.1.2.4.';

/** Compressed pixel data: media type → transfer syntaxes it stands for, the default first (PS3.18 Tables 8.7.3-2 to 8.7.3-5). */
const TRANSFER_SYNTAXES_OF: Readonly<Record<string, readonly string[]>> = {
  'image/jpeg': ['70', '50', '51', '57'].map((suffix) => JPEG + suffix),
  'image/dicom-rle': ['1.2.840.10008.1.2.5'],
  'image/jls': ['80', '81'].map((suffix) => JPEG + suffix),
  'image/jp2': ['90', '91'].map((suffix) => JPEG + suffix),
  'image/jpx': ['92', '93'].map((suffix) => JPEG + suffix),
  'image/jphc': ['201', '202', '203'].map((suffix) => JPEG + suffix),
  'image/jxl': ['110', '111', '112'].map((suffix) => JPEG + suffix),
  'video/mpeg': ['100', '101', '100.1', '101.1'].map((suffix) => JPEG + suffix),
  'video/mp4': ['102', '103', '104', '105', '106', '102.1', '103.1', '104.1', '105.1', '106.1'].map((suffix) => JPEG + suffix),
  'video/h265': ['107', '108'].map((suffix) => JPEG + suffix),
};

/** Names that older standards and clients use → today's name. Taken in requests, never given in answers. */
const ALIASES: Readonly<Record<string, string>> = {
  'image/jpg': 'image/jpeg',
  'image/dicom+jpeg': 'image/jpeg',
  'image/x-dicom-rle': 'image/dicom-rle',
  'image/dicom+rle': 'image/dicom-rle',
  'image/x-jls': 'image/jls',
  'image/dicom+jpeg-ls': 'image/jls',
  'image/dicom+jp2': 'image/jp2',
  'image/dicom+jpx': 'image/jpx',
  'image/jhc': 'image/jphc',
  'video/mpeg2': 'video/mpeg',
};

/** Today's name, in lower case, of a media type as a client may write it. */
export function standardName(mediaType: string): string {
  const name = mediaType.toLowerCase();
  return ALIASES[name] ?? name;
}

/** True when pixel data of the transfer syntax are of this media type (its standard name). */
export function isEncodedAs(transferSyntaxUid: string, mediaType: string): boolean {
  return TRANSFER_SYNTAXES_OF[mediaType]?.includes(transferSyntaxUid) ?? false;
}
