import type { DicomJson } from '@cairn/core';
import type { Doors } from './archive.ts';

/** One part of a multipart answer. */
export interface Part {
  /** Header lines, names in lower case. */
  headers: Readonly<Record<string, string>>;
  body: Buffer;
}

/** What a STOW-RS answer tells. */
export interface StoreAnswer {
  status: number;
  stored: string[];
  /** SOP Instance UID → FailureReason. */
  failed: Map<string, number>;
  json: DicomJson | undefined;
}

const BOUNDARY = 'e2e-boundary-7d1f0c';

/** The body of a multipart/related request. */
export function multipartBody(parts: readonly Uint8Array[], partHeaders = 'Content-Type: application/dicom', boundary = BOUNDARY): Buffer {
  const pieces = parts.flatMap((part) => [Buffer.from(`--${boundary}\r\n${partHeaders}\r\n\r\n`), part, Buffer.from('\r\n')]);
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]);
}

/** POSTs Part 10 files to `/studies` or `/studies/{study}`. */
export async function stow(archive: Doors, files: readonly Uint8Array[], study?: string): Promise<StoreAnswer> {
  const answer = await fetch(`${archive.webUrl}/studies${study === undefined ? '' : `/${study}`}`, {
    method: 'POST',
    headers: { 'Content-Type': `multipart/related; type="application/dicom"; boundary=${BOUNDARY}`, Accept: 'application/dicom+json' },
    body: multipartBody(files),
  });
  return readStoreAnswer(answer);
}

/** Reads a STOW-RS answer in JSON; an empty or other body leaves the lists empty. */
export async function readStoreAnswer(answer: Response): Promise<StoreAnswer> {
  const text = await answer.text();
  const json = answer.headers.get('content-type')?.startsWith('application/dicom+json') ? (JSON.parse(text) as DicomJson) : undefined;
  const items = (tag: string): DicomJson[] => (json?.[tag]?.Value ?? []) as DicomJson[];
  return {
    status: answer.status,
    stored: items('00081199').map((item) => textOf(item, '00081155')),
    failed: new Map(items('00081198').map((item) => [textOf(item, '00081155'), Number(textOf(item, '00081197'))])),
    json,
  };
}

/** GETs below `/dicom-web`; an Accept header only when given. */
export function get(archive: Doors, path: string, accept?: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`${archive.webUrl}${path}`, { headers: { ...headers, ...(accept === undefined ? {} : { Accept: accept }) } });
}

/** A QIDO-RS answer; throws when it is none. */
export async function qido(archive: Doors, path: string): Promise<DicomJson[]> {
  const answer = await get(archive, path, 'application/dicom+json');
  if (answer.status === 204) return [];
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as DicomJson[];
}

/** Every match of a QIDO-RS query, page by page. */
export async function qidoAll(archive: Doors, path: string, pageSize = 500): Promise<DicomJson[]> {
  const all: DicomJson[] = [];
  for (;;) {
    const page = await qido(archive, `${path}${path.includes('?') ? '&' : '?'}limit=${pageSize}&offset=${all.length}`);
    all.push(...page);
    if (page.length < pageSize) return all;
  }
}

/** Asks until `reached` holds; the index follows an acknowledgement within moments. Gives the last value. */
export async function eventually<T>(ask: () => Promise<T>, reached: (value: T) => boolean, timeoutMs = 15_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await ask();
    if (reached(value) || Date.now() > deadline) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The parts of a multipart/related answer. */
export async function readParts(answer: Response): Promise<Part[]> {
  const type = answer.headers.get('content-type') ?? '';
  const boundary = /boundary="?([^";]+)"?/.exec(type)?.[1];
  if (!type.startsWith('multipart/related') || boundary === undefined)
    throw new Error(`Not multipart: ${answer.status} ${type} ${await answer.text()}`);
  return splitParts(Buffer.from(await answer.arrayBuffer()), boundary);
}

/** Splits a multipart body; throws when its last delimiter is missing. */
function splitParts(body: Buffer, boundary: string): Part[] {
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  const whole = Buffer.concat([Buffer.from('\r\n'), body]);
  const parts: Part[] = [];
  for (let at = whole.indexOf(delimiter); ;) {
    if (at < 0) throw new Error('The multipart body has no end.');
    const start = at + delimiter.length;
    if (whole.toString('latin1', start, start + 2) === '--') return parts;
    const end = whole.indexOf(delimiter, start);
    if (end < 0) throw new Error('The multipart body has no end.');
    const blank = whole.indexOf('\r\n\r\n', start);
    parts.push({ headers: headerLines(whole.toString('latin1', start + 2, blank)), body: whole.subarray(blank + 4, end) });
    at = end;
  }
}

/** A value of DICOM JSON as text; person names by their alphabetic group. */
export function textOf(dataSet: DicomJson, tag: string): string {
  return (dataSet[tag]?.Value ?? [])
    .map((value) =>
      typeof value === 'object' && value !== null ? String((value as { Alphabetic?: string }).Alphabetic ?? '') : String(value ?? ''),
    )
    .join('\\');
}

function headerLines(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split('\r\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}
