/** How a data set and its pixel data are encoded (PS3.5 §10, PS3.6 Table A-1). */
export interface TransferSyntax {
  uid: string;
  name: string;
  /** Pixel data is a sequence of fragments. */
  encapsulated: boolean;
  explicit: boolean;
  bigEndian: boolean;
  /** The whole data set is a raw deflate stream (RFC 1951). */
  deflated: boolean;
  /** The syntax allows a loss of information. */
  lossy: boolean;
  /** All frames are one stream of a video format. */
  video: boolean;
  /** Media type of a frame or of the video (PS3.18 Tables 8.7.3-2 to 8.7.3-5). */
  mediaType: string;
}

/** UIDs of the syntaxes that are not encapsulated. */
export const IMPLICIT_VR_LITTLE_ENDIAN = '1.2.840.10008.1.2';
export const EXPLICIT_VR_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
export const EXPLICIT_VR_BIG_ENDIAN = '1.2.840.10008.1.2.2';
export const DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = '1.2.840.10008.1.2.1.99';

const OCTETS = 'application/octet-stream';

const NATIVE: readonly TransferSyntax[] = [
  native(IMPLICIT_VR_LITTLE_ENDIAN, 'Implicit VR Little Endian', { explicit: false }),
  native(EXPLICIT_VR_LITTLE_ENDIAN, 'Explicit VR Little Endian', {}),
  native(EXPLICIT_VR_BIG_ENDIAN, 'Explicit VR Big Endian', { bigEndian: true }),
  native(DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, 'Deflated Explicit VR Little Endian', { deflated: true }),
  native('1.2.840.10008.1.2.4.94', 'JPIP Referenced', {}),
  native('1.2.840.10008.1.2.4.95', 'JPIP Referenced Deflate', { deflated: true }),
  native('1.2.840.10008.1.2.4.204', 'JPIP HTJ2K Referenced', {}),
  native('1.2.840.10008.1.2.4.205', 'JPIP HTJ2K Referenced Deflate', { deflated: true }),
  native('1.2.840.10008.1.2.7.1', 'SMPTE ST 2110-20 Uncompressed Progressive Active Video', {}),
  native('1.2.840.10008.1.2.7.2', 'SMPTE ST 2110-20 Uncompressed Interlaced Active Video', {}),
  native('1.2.840.10008.1.2.7.3', 'SMPTE ST 2110-30 PCM Digital Audio', {}),
  native('1.2.840.10008.1.20', 'Papyrus 3 Implicit VR Little Endian', { explicit: false }),
];

/** [UID after 1.2.840.10008.1.2., name, media type, lossy], still images. */
const COMPRESSED: readonly (readonly [suffix: string, name: string, mediaType: string, lossy: boolean])[] = [
  ['1.98', 'Encapsulated Uncompressed Explicit VR Little Endian', OCTETS, false],
  ['4.50', 'JPEG Baseline (Process 1)', 'image/jpeg', true],
  ['4.51', 'JPEG Extended (Process 2 and 4)', 'image/jpeg', true],
  ['4.52', 'JPEG Extended (Process 3 and 5)', 'image/jpeg', true],
  ['4.53', 'JPEG Spectral Selection, Non-Hierarchical (Process 6 and 8)', 'image/jpeg', true],
  ['4.54', 'JPEG Spectral Selection, Non-Hierarchical (Process 7 and 9)', 'image/jpeg', true],
  ['4.55', 'JPEG Full Progression, Non-Hierarchical (Process 10 and 12)', 'image/jpeg', true],
  ['4.56', 'JPEG Full Progression, Non-Hierarchical (Process 11 and 13)', 'image/jpeg', true],
  ['4.57', 'JPEG Lossless, Non-Hierarchical (Process 14)', 'image/jpeg', false],
  ['4.58', 'JPEG Lossless, Non-Hierarchical (Process 15)', 'image/jpeg', false],
  ['4.59', 'JPEG Extended, Hierarchical (Process 16 and 18)', 'image/jpeg', true],
  ['4.60', 'JPEG Extended, Hierarchical (Process 17 and 19)', 'image/jpeg', true],
  ['4.61', 'JPEG Spectral Selection, Hierarchical (Process 20 and 22)', 'image/jpeg', true],
  ['4.62', 'JPEG Spectral Selection, Hierarchical (Process 21 and 23)', 'image/jpeg', true],
  ['4.63', 'JPEG Full Progression, Hierarchical (Process 24 and 26)', 'image/jpeg', true],
  ['4.64', 'JPEG Full Progression, Hierarchical (Process 25 and 27)', 'image/jpeg', true],
  ['4.65', 'JPEG Lossless, Hierarchical (Process 28)', 'image/jpeg', false],
  ['4.66', 'JPEG Lossless, Hierarchical (Process 29)', 'image/jpeg', false],
  ['4.70', 'JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])', 'image/jpeg', false],
  ['4.80', 'JPEG-LS Lossless Image Compression', 'image/jls', false],
  ['4.81', 'JPEG-LS Lossy (Near-Lossless) Image Compression', 'image/jls', true],
  ['4.90', 'JPEG 2000 Image Compression (Lossless Only)', 'image/jp2', false],
  ['4.91', 'JPEG 2000 Image Compression', 'image/jp2', true],
  ['4.92', 'JPEG 2000 Part 2 Multi-component Image Compression (Lossless Only)', 'image/jpx', false],
  ['4.93', 'JPEG 2000 Part 2 Multi-component Image Compression', 'image/jpx', true],
  ['4.110', 'JPEG XL Lossless', 'image/jxl', false],
  ['4.111', 'JPEG XL JPEG Recompression', 'image/jxl', true],
  ['4.112', 'JPEG XL', 'image/jxl', true],
  ['4.201', 'High-Throughput JPEG 2000 Image Compression (Lossless Only)', 'image/jphc', false],
  ['4.202', 'High-Throughput JPEG 2000 with RPCL Options Image Compression (Lossless Only)', 'image/jphc', false],
  ['4.203', 'High-Throughput JPEG 2000 Image Compression', 'image/jphc', true],
  ['5', 'RLE Lossless', 'image/dicom-rle', false],
  ['8.1', 'Deflated Image Frame Compression', 'application/x-deflate', false],
];

/** [UID after 1.2.840.10008.1.2.4., name, media type]; each but HEVC also exists as `.1`, fragmentable. */
const VIDEO: readonly (readonly [suffix: string, name: string, mediaType: string])[] = [
  ['100', 'MPEG2 Main Profile / Main Level', 'video/mpeg'],
  ['101', 'MPEG2 Main Profile / High Level', 'video/mpeg'],
  ['102', 'MPEG-4 AVC/H.264 High Profile / Level 4.1', 'video/mp4'],
  ['103', 'MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1', 'video/mp4'],
  ['104', 'MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video', 'video/mp4'],
  ['105', 'MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video', 'video/mp4'],
  ['106', 'MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2', 'video/mp4'],
  ['107', 'HEVC/H.265 Main Profile / Level 5.1', 'video/H265'],
  ['108', 'HEVC/H.265 Main 10 Profile / Level 5.1', 'video/H265'],
];

/** Transfer syntax by UID. Private syntaxes are not in it. */
export const TRANSFER_SYNTAXES: ReadonlyMap<string, TransferSyntax> = new Map(
  [
    ...NATIVE,
    ...COMPRESSED.map(([suffix, name, mediaType, lossy]) => encapsulated(suffix, name, mediaType, { lossy })),
    ...VIDEO.flatMap(([suffix, name, mediaType]) => videoPair(suffix, name, mediaType)),
  ].map((syntax) => [syntax.uid, syntax]),
);

function native(uid: string, name: string, flags: Partial<TransferSyntax>): TransferSyntax {
  const plain = { encapsulated: false, explicit: true, bigEndian: false, deflated: false, lossy: false, video: false };
  return { uid, name, ...plain, mediaType: OCTETS, ...flags };
}

function encapsulated(suffix: string, name: string, mediaType: string, flags: Partial<TransferSyntax>): TransferSyntax {
  return native(`1.2.840.10008.1.2.${suffix}`, name, { encapsulated: true, mediaType, ...flags });
}

function videoPair(suffix: string, name: string, mediaType: string): TransferSyntax[] {
  const whole = encapsulated(`4.${suffix}`, name, mediaType, { lossy: true, video: true });
  return suffix > '106' ? [whole] : [whole, { ...whole, uid: `${whole.uid}.1`, name: `Fragmentable ${name}` }];
}
