import { gunzipSync, gzipSync } from 'node:zlib';
import { CairnError } from '@cairn/core';
import type { InstanceReceipt } from '@cairn/metadata-store';

/** Topic of instances received, and the type of its one event; internal, for it holds patient data. */
export const INGEST_TOPIC = 'ingest.v1';
export const INSTANCE_RECEIVED = 'instance-received';

/** A text of at most this many bytes goes into the event as it is; a longer one compressed, if that is no longer than this. */
const MAX_INLINE_BYTES = 64 * 1024;
const VERSION = 1;

/** How a part travels: as text, gzipped in base64, as an object beside the instance, or not at all. */
type Form = 'text' | 'gzip' | 'object' | 'none';

/** First line of the event's data: the receipt without its long texts. */
interface Envelope {
  version: number;
  receipt: Omit<InstanceReceipt, 'header' | 'bulk' | 'pixels'>;
  header: Form;
  frames: Form;
}

/** A receipt as it travels: the event's data, and the parts that must be objects before the event is published. */
export interface EncodedReceipt {
  data: string;
  /** Gzipped texts, to be put beside the instance. */
  objects: readonly { part: 'header' | 'frames'; bytes: Buffer }[];
}

/** Reads a part that lies as an object beside the instance. */
export type PartReader = (receipt: Envelope['receipt'], part: 'header' | 'frames') => Promise<Buffer>;

/**
 * The event's data: lines of text. The first is the envelope; then, each only if the envelope says so, the header part
 * (header and bulk table, a line each, or one line of base64) and the frames part (pixel data description). JSON texts hold
 * no line breaks, so that nothing is escaped or parsed on the way to the index.
 */
export function encodeReceipt(receipt: InstanceReceipt): EncodedReceipt {
  const { header, bulk, pixels, ...rest } = receipt;
  const headerPart = encodePart(`${header}\n${bulk}`);
  const framesPart = pixels === undefined ? { form: 'none' as const, line: undefined, bytes: undefined } : encodePart(pixels);
  const envelope: Envelope = { version: VERSION, receipt: rest, header: headerPart.form, frames: framesPart.form };
  const objects = [];
  if (headerPart.bytes !== undefined) objects.push({ part: 'header' as const, bytes: headerPart.bytes });
  if (framesPart.bytes !== undefined) objects.push({ part: 'frames' as const, bytes: framesPart.bytes });
  const lines = [JSON.stringify(envelope), headerPart.line, framesPart.line];
  return { data: lines.filter((line) => line !== undefined).join('\n'), objects };
}

/** Reads an event's data. Malformed or of another version → `internal.unexpected`. */
export async function decodeReceipt(data: string, readPart: PartReader): Promise<InstanceReceipt> {
  const lines = data.split('\n');
  const envelope = parseEnvelope(lines.shift()!);
  const inline = (form: Form): string[] => lines.splice(0, form === 'text' ? 2 : 1);
  const { receipt } = envelope;
  const headerLines = envelope.header === 'object' ? [] : inline(envelope.header);
  const [header, bulk] = (await decodePart(envelope.header, headerLines.join('\n'), () => readPart(receipt, 'header'))).split('\n');
  if (header === undefined || bulk === undefined) throw malformed();
  if (envelope.frames === 'none') return { ...receipt, header, bulk };
  const pixels = await decodePart(envelope.frames, lines[0] ?? '', () => readPart(receipt, 'frames'));
  return { ...receipt, header, bulk, pixels };
}

function encodePart(text: string): { form: Form; line?: string; bytes?: Buffer } {
  if (text.length <= MAX_INLINE_BYTES && Buffer.byteLength(text) <= MAX_INLINE_BYTES) return { form: 'text', line: text };
  const bytes = gzipSync(text, { level: 1 });
  return bytes.length <= MAX_INLINE_BYTES ? { form: 'gzip', line: bytes.toString('base64') } : { form: 'object', bytes };
}

async function decodePart(form: Form, line: string, read: () => Promise<Buffer>): Promise<string> {
  if (form === 'text') return line;
  const bytes = form === 'gzip' ? Buffer.from(line, 'base64') : await read();
  return gunzipSync(bytes).toString();
}

function parseEnvelope(line: string): Envelope {
  let envelope: Envelope | null;
  try {
    envelope = JSON.parse(line) as Envelope | null;
  } catch (error) {
    throw malformed(error);
  }
  if (envelope?.version !== VERSION) throw malformed();
  return envelope;
}

function malformed(cause?: unknown): CairnError {
  return new CairnError('internal.unexpected', 'The ingest event is malformed or of another version.', { cause });
}
