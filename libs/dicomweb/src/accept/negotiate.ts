import { CairnError } from '@cairn/core';
import type { Accept, AcceptEntry } from './accept.ts';
import { DICOM_FILE, DICOM_JSON, DICOM_XML, MULTIPART_RELATED, OCTET_STREAM, standardName } from './media-type-table.ts';

/** How a list of data sets is given: as one JSON array, or as XML with one part each. */
export type DataSetFormat = 'application/dicom+json' | 'application/json' | 'multipart/related; type="application/dicom+xml"';

/** How one answer data set (STOW-RS) is given. */
export type StoreAnswerFormat = 'application/dicom+json' | 'application/json' | 'application/dicom+xml';

/** One way in which the client takes Part 10 files. */
export interface InstanceChoice {
  /** False: the body is the file itself. */
  multipart: boolean;
  /** In order of preference; `*` as stored; empty: none named. */
  transferSyntaxes: readonly string[];
}

/** One way in which the client takes frames or bulk data. */
export interface BulkChoice extends InstanceChoice {
  /** Standard name of the media type, or a range: an image, a video, anything. */
  mediaType: string;
}

const ANYTHING = new Set(['*/*', 'application/*']);

/** For QIDO-RS answers and WADO-RS metadata (PS3.18 Table 8.7.2-1). Throws `web.not-acceptable`. */
export function negotiateDataSets(accept: Accept): DataSetFormat {
  for (const entry of accept) {
    if (ANYTHING.has(entry.type) || entry.type === DICOM_JSON) return DICOM_JSON;
    if (entry.type === 'application/json') return 'application/json';
    if (entry.type === MULTIPART_RELATED && rootTypesOf(entry).includes(DICOM_XML))
      return 'multipart/related; type="application/dicom+xml"';
  }
  throw notAcceptable('application/dicom+json and multipart/related; type="application/dicom+xml"');
}

/** For the answer to a STOW-RS request. Throws `web.not-acceptable`. */
export function negotiateStoreAnswer(accept: Accept): StoreAnswerFormat {
  for (const { type } of accept) {
    if (ANYTHING.has(type) || type === DICOM_JSON) return DICOM_JSON;
    if (type === 'application/json' || type === DICOM_XML) return type;
  }
  throw notAcceptable('application/dicom+json and application/dicom+xml');
}

/**
 * For studies, series and instances; a single part only where the resource is one instance. All acceptable ways, most wanted
 * first: which of them fits depends on how each instance is stored. Throws `web.not-acceptable`.
 */
export function negotiateInstances(accept: Accept, singleAllowed: boolean): readonly InstanceChoice[] {
  const choices = accept.flatMap((entry): InstanceChoice[] => {
    const transferSyntaxes = transferSyntaxesOf(entry);
    if (entry.type === '*/*') return [{ multipart: true, transferSyntaxes }];
    if (entry.type === MULTIPART_RELATED) {
      const types = rootTypesOf(entry);
      const fits = types.length === 0 || types.some((type) => type === DICOM_FILE || ANYTHING.has(type));
      return fits ? [{ multipart: true, transferSyntaxes }] : [];
    }
    const single = singleAllowed && (entry.type === DICOM_FILE || entry.type === 'application/*');
    return single ? [{ multipart: false, transferSyntaxes }] : [];
  });
  if (choices.length === 0) {
    throw notAcceptable(`multipart/related; type="application/dicom"${singleAllowed ? ' and application/dicom' : ''}`);
  }
  return choices;
}

/** For frames: parts by default, one frame also alone. Throws `web.not-acceptable` when the client takes neither bytes, images nor videos. */
export function negotiateFrames(accept: Accept, singleAllowed: boolean): readonly BulkChoice[] {
  const choices = bulkChoices(accept, true).filter(({ multipart }) => multipart || singleAllowed);
  if (choices.length === 0) throw notAcceptable(`several frames as ${MULTIPART_RELATED}`);
  return choices;
}

/** For bulk data: a bare range such as `*` + `/*` gives the value itself, as browsers' media elements need it. Throws `web.not-acceptable`. */
export function negotiateBulkData(accept: Accept): readonly BulkChoice[] {
  return bulkChoices(accept, false);
}

function bulkChoices(accept: Accept, anythingIsMultipart: boolean): readonly BulkChoice[] {
  const choices = accept.flatMap((entry): BulkChoice[] => {
    const transferSyntaxes = transferSyntaxesOf(entry);
    if (entry.type !== MULTIPART_RELATED) {
      const multipart = anythingIsMultipart && entry.type === '*/*';
      return [{ multipart, mediaType: standardName(entry.type), transferSyntaxes }];
    }
    const types = rootTypesOf(entry);
    return (types.length === 0 ? [OCTET_STREAM] : types).map((type) => ({
      multipart: true,
      mediaType: standardName(type),
      transferSyntaxes,
    }));
  });
  if (choices.length === 0) throw notAcceptable('multipart/related; type="application/octet-stream"');
  return choices;
}

/** The root media types that a multipart entry names. */
function rootTypesOf(entry: AcceptEntry): string[] {
  return (entry.parameters.get('type') ?? []).map((type) => type.trim().toLowerCase());
}

function transferSyntaxesOf(entry: AcceptEntry): readonly string[] {
  return (entry.parameters.get('transfer-syntax') ?? []).map((uid) => uid.trim()).filter((uid) => uid !== '');
}

function notAcceptable(available: string): CairnError {
  return new CairnError('web.not-acceptable', `This resource can be given as ${available}.`);
}
