import { CairnError } from '@cairn/core';
import { isToleratedUid } from '@cairn/dicom';

/** Names in a path that try to lead elsewhere or to end a string early (acceptance case 62): no resource has such a name. */
// oxlint-disable-next-line no-control-regex
const TRICK = /[\u0000-\u001f\u007f/\\%]|\.\.|^\.|\.$/;
const BULK_PATH = /^[0-9A-F]{8}(?:\/\d{1,6}\/[0-9A-F]{8})*$/;
const MAX_FRAMES = 4_096;

/** A UID in a path. Throws `web.not-found` for path tricks and `web.bad-request`, naming the parameter, for other malformed text. */
export function pathUid(parameter: string, text: string): string {
  if (isToleratedUid(text)) return text;
  if (TRICK.test(text)) throw new CairnError('web.not-found', 'There is no such resource.');
  throw new CairnError('web.bad-request', `The ${parameter} in the address is no UID.`, { details: { parameter } });
}

/** Frame numbers of a path, from 1, in the order asked for. Frame 0 → `archive.frame-not-found`, other text → `web.bad-request`. */
export function frameList(text: string): readonly number[] {
  if (!/^\d{1,10}(?:,\d{1,10})*$/.test(text)) {
    throw new CairnError('web.bad-request', 'Frames are asked for by a comma list of numbers from 1.', {
      details: { parameter: 'frames' },
    });
  }
  const numbers = text.split(',').map(Number);
  if (numbers.length > MAX_FRAMES)
    throw new CairnError('web.payload-too-large', 'Too many frames in one request.', { details: { maxFrames: MAX_FRAMES } });
  if (numbers.includes(0)) throw new CairnError('archive.frame-not-found', 'Frames are numbered from 1.');
  return numbers;
}

/** The path of a bulk value, `00091010` or `52009230/0/00089124`, tags in upper case. Throws `archive.bulk-data-not-found`. */
export function bulkDataPath(text: string): string {
  const path = text.toUpperCase();
  if (!BULK_PATH.test(path)) throw new CairnError('archive.bulk-data-not-found', 'The address names no bulk data of this instance.');
  return path;
}
