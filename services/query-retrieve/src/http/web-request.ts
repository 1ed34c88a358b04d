import type { FastifyReply, FastifyRequest } from 'fastify';
import { parseAccept, parseQueryString, pathUid, valuesOf } from '@cairn/dicomweb';
import type { Accept, QueryParameter } from '@cairn/dicomweb';
import type { InstanceSelector } from '@cairn/metadata-store';

/** Parameters of the routes below `/dicom-web`. */
export interface PathParameters {
  study?: string;
  series?: string;
  instance?: string;
  frames?: string;
  '*'?: string;
}

/** The query string as it came, without its `?`. */
export function rawQueryOf(request: FastifyRequest): string {
  const url = request.raw.url ?? '';
  const at = url.indexOf('?');
  return at < 0 ? '' : url.slice(at + 1);
}

/** The decoded query parameters. */
export function queryOf(request: FastifyRequest): readonly QueryParameter[] {
  return parseQueryString(rawQueryOf(request));
}

/** What the client takes, by `?accept=` or its header. */
export function acceptOf(request: FastifyRequest): Accept {
  return parseAccept(request.headers.accept, valuesOf(queryOf(request), 'accept'));
}

/** The study, series or instance that the path names. Throws as {@link pathUid}. */
export function selectorOf({ study = '', series, instance }: PathParameters): InstanceSelector {
  return {
    studyInstanceUid: pathUid('StudyInstanceUID', study),
    ...(series === undefined ? {} : { seriesInstanceUid: pathUid('SeriesInstanceUID', series) }),
    ...(instance === undefined ? {} : { sopInstanceUid: pathUid('SOPInstanceUID', instance) }),
  };
}

/** The one instance that the path names. */
export function instanceOf({ study = '', series = '', instance = '' }: PathParameters): Required<InstanceSelector> {
  return {
    studyInstanceUid: pathUid('StudyInstanceUID', study),
    seriesInstanceUid: pathUid('SeriesInstanceUID', series),
    sopInstanceUid: pathUid('SOPInstanceUID', instance),
  };
}

/** URL of a study, series or instance below the public base. */
export function urlOf(base: string, { studyInstanceUid, seriesInstanceUid, sopInstanceUid }: InstanceSelector): string {
  const series = seriesInstanceUid === undefined ? '' : `/series/${seriesInstanceUid}`;
  const instance = sopInstanceUid === undefined ? '' : `/instances/${sopInstanceUid}`;
  return `${base}/studies/${studyInstanceUid}${series}${instance}`;
}

/**
 * Runs an answer's work with a signal that fires when the client goes away before the answer's end; what fails after that is
 * nobody's concern. Any other failure is thrown, to be logged and answered; an answer already under way is cut off first, so that
 * a truncated body can never pass for a whole one.
 */
export async function whileConnected(reply: FastifyReply, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  reply.raw.once('close', abort);
  try {
    await work(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) {
      if (reply.raw.headersSent) reply.raw.destroy();
      throw error;
    }
    reply.hijack();
  } finally {
    reply.raw.off('close', abort);
  }
}
