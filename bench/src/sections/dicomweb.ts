/** Paths and Accept values of the DICOMweb requests that the sections send (PS3.18 §10). */
import { setTimeout as sleep } from 'node:timers/promises';
import type { InstancePosition } from '../data/studies.ts';
import { seriesUid, sopInstanceUid, studyUid } from '../data/studies.ts';
import type { HttpAnswer, HttpConnection } from '../load/http-connection.ts';

/** Accept values: results as JSON, instances and frames in the syntax they are stored in. */
export const ACCEPT = {
  json: 'application/dicom+json',
  instances: 'multipart/related; type="application/dicom"; transfer-syntax=*',
  frames: 'multipart/related; type="application/octet-stream"; transfer-syntax=*',
} as const;

const VISIBLE_WITHIN_MS = 30_000;
const POLL_MS = 100;

/** Root of both servers' DICOMweb services. */
export const ROOT = '/dicom-web';

/** Path of a study. */
export function studyPath(study: number): string {
  return `${ROOT}/studies/${studyUid(study)}`;
}

/** Path of a series. */
export function seriesPath(study: number, series: number): string {
  return `${studyPath(study)}/series/${seriesUid(study, series)}`;
}

/** Path of an instance. */
export function instancePath(position: InstancePosition): string {
  return `${seriesPath(position.study, position.series)}/instances/${sopInstanceUid(position)}`;
}

/** GETs JSON and checks that it is a list of `count` results. */
export async function getResults(connection: HttpConnection, path: string, count: number): Promise<HttpAnswer> {
  const answer = await connection.get(path, ACCEPT.json, true);
  const results: unknown = answer.status === 204 ? [] : JSON.parse(answer.body.toString('utf8'));
  const found = Array.isArray(results) ? results.length : -1;
  if (found !== count) throw new Error(`${path}: ${found} results instead of ${count}`);
  return answer;
}

/** GETs bulk data and checks that at least `bytes` came. */
export async function getBulk(connection: HttpConnection, path: string, accept: string, bytes: number): Promise<HttpAnswer> {
  const answer = await connection.get(path, accept);
  if (answer.bytes < bytes) throw new Error(`${path}: ${answer.bytes} bytes instead of at least ${bytes}`);
  return answer;
}

/** Throws unless the server lists all `count` instances of a series that was just sent; what was acknowledged may take a while to show. */
export async function expectSeries(connection: HttpConnection, study: number, series: number, count: number): Promise<void> {
  const path = `${seriesPath(study, series)}/instances?limit=${count + 1}`;
  for (const deadline = Date.now() + VISIBLE_WITHIN_MS; ;) {
    try {
      await getResults(connection, path, count);
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(POLL_MS);
    }
  }
}
