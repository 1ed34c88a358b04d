import type { RetrievableInstance } from '@cairn/metadata-store';

/** How a stored header's text begins a relative bulk data URI: key and first half of the value. */
const RELATIVE_URI = '"BulkDataURI":"bulkdata/';

/** `<base>/studies/…/series/…/instances/…` of an instance. */
export function instanceUrl(base: string, instance: RetrievableInstance): string {
  return `${base}/studies/${instance.studyInstanceUid}/series/${instance.seriesInstanceUid}/instances/${instance.sopInstanceUid}`;
}

/**
 * A header's text with absolute bulk data URIs, without parsing it: a quote inside a JSON string is always escaped, so the text
 * looked for can only be a key and its value.
 */
export function withAbsoluteUris(header: string, url: string): string {
  const absoluteUri = `"BulkDataURI":${JSON.stringify(`${url}/bulkdata/`).slice(0, -1)}`;
  return header.replaceAll(RELATIVE_URI, () => absoluteUri);
}
