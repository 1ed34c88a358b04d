import { element } from './dicom-element.ts';
import type { ElementSpec } from './dicom-element.ts';
import { writeTagAndLength } from './element-writer.ts';
import { seededBytes, seededUid } from './seeded.ts';
import { TRANSFER_SYNTAX, writeDicom } from './write-dicom.ts';

/** A file too big to be held. */
export interface BigFileSpec {
  kind: 'native' | 'encapsulated';
  /** Default 1. */
  seed?: number;
  frames: number;
  /** Bytes of a frame; native: twice rows × columns of it, so a multiple of 4096; encapsulated: an even number below 4 GiB. */
  frameBytes: number;
}

/** A Part 10 file that is made while it is read. */
export interface BigFile {
  studyInstanceUid: string;
  seriesInstanceUid: string;
  sopInstanceUid: string;
  sopClassUid: string;
  transferSyntaxUid: string;
  sizeBytes: number;
  /** First byte of the data set. */
  dataSetOffset: number;
  /** The bytes from the first, in chunks of at most 1 MiB that are reused: copy what is to be kept. */
  stream(): AsyncGenerator<Buffer>;
  /** Frame `number`, from 1. */
  frame(number: number): AsyncGenerator<Buffer>;
}

const CHUNK_BYTES = 1 << 20;
const LITTLE_ENDIAN = { explicit: true, bigEndian: false };
const SOP_CLASS_UID = '1.2.840.10008.5.1.4.1.1.7.3';
const COLUMNS = 2048;

/**
 * A multi-frame file of any size in constant memory. Encapsulated files have an extended offset table and one fragment a frame.
 *
 * @example aBigFile({ kind: 'encapsulated', frames: 6144, frameBytes: 1 << 20 }) // 6 GiB
 */
export function aBigFile(spec: BigFileSpec): BigFile {
  const seed = spec.seed ?? 1;
  const transferSyntaxUid = spec.kind === 'native' ? TRANSFER_SYNTAX.explicitLittleEndian : TRANSFER_SYNTAX.jpegBaseline;
  const uids = {
    studyInstanceUid: seededUid(`big study ${seed}`),
    seriesInstanceUid: seededUid(`big series ${seed}`),
    sopInstanceUid: seededUid(`big instance ${seed}`),
  };
  const elements = [...header({ ...uids, seed }, spec), ...offsetTables(spec)];
  const start = writeDicom({ elements, transferSyntaxUid });
  const noise = seededBytes(seed, CHUNK_BYTES);
  const head = Buffer.concat([start, pixelDataHead(spec)]);
  const tail = spec.kind === 'native' ? Buffer.alloc(0) : writeTagAndLength('FFFEE0DD', 0, LITTLE_ENDIAN);
  const itemBytes = spec.kind === 'native' ? 0 : 8;
  return {
    ...uids,
    sopClassUid: SOP_CLASS_UID,
    transferSyntaxUid,
    sizeBytes: head.length + spec.frames * (spec.frameBytes + itemBytes) + tail.length,
    dataSetOffset: 132 + 12 + start.readUInt32LE(140),
    frame: (number) => frame(noise, spec, number),
    async *stream() {
      yield head;
      for (let number = 1; number <= spec.frames; number++) {
        if (itemBytes > 0) yield writeTagAndLength('FFFEE000', spec.frameBytes, LITTLE_ENDIAN);
        yield* frame(noise, spec, number);
      }
      if (tail.length > 0) yield tail;
    },
  };
}

/** Noise whose first bytes in every chunk tell the frame and the chunk. */
async function* frame(noise: Buffer, spec: BigFileSpec, number: number): AsyncGenerator<Buffer> {
  const chunk = Buffer.from(noise);
  for (let at = 0; at < spec.frameBytes; at += CHUNK_BYTES) {
    const part = chunk.subarray(0, Math.min(CHUNK_BYTES, spec.frameBytes - at));
    if (part.length >= 16) {
      part.writeDoubleLE(number, 0);
      part.writeDoubleLE(at, 8);
    }
    yield part;
  }
}

function header(
  ids: { seed: number; studyInstanceUid: string; seriesInstanceUid: string; sopInstanceUid: string },
  spec: BigFileSpec,
): ElementSpec[] {
  return [
    element('00080016', 'UI', SOP_CLASS_UID),
    element('00080018', 'UI', ids.sopInstanceUid),
    element('00080020', 'DA', '20240229'),
    element('00080030', 'TM', '101500'),
    element('00080050', 'SH', `BIG${ids.seed}`),
    element('00080060', 'CS', 'OT'),
    element('00100010', 'PN', `Big^${spec.kind}`),
    element('00100020', 'LO', `BIG${ids.seed}`),
    element('0020000D', 'UI', ids.studyInstanceUid),
    element('0020000E', 'UI', ids.seriesInstanceUid),
    element('00200011', 'IS', '1'),
    element('00200013', 'IS', '1'),
    element('00280002', 'US', 1),
    element('00280004', 'CS', 'MONOCHROME2'),
    element('00280008', 'IS', String(spec.frames)),
    element('00280010', 'US', spec.kind === 'native' ? spec.frameBytes / 2 / COLUMNS : COLUMNS),
    element('00280011', 'US', COLUMNS),
    element('00280100', 'US', 16),
    element('00280101', 'US', 16),
    element('00280102', 'US', 15),
    element('00280103', 'US', 0),
  ];
}

function offsetTables(spec: BigFileSpec): ElementSpec[] {
  if (spec.kind === 'native') return [];
  const numbers = Array.from({ length: spec.frames }, (_, index) => index);
  return [
    element(
      '7FE00001',
      'OV',
      numbers.map((index) => index * (spec.frameBytes + 8)),
    ),
    element(
      '7FE00002',
      'OV',
      numbers.map(() => spec.frameBytes),
    ),
  ];
}

/** The head of (7FE0,0010); encapsulated: with its empty first item. */
function pixelDataHead(spec: BigFileSpec): Buffer {
  const head = Buffer.from('e07f1000' + (spec.kind === 'native' ? '4f57' : '4f42') + '0000', 'hex');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(spec.kind === 'native' ? spec.frames * spec.frameBytes : 0xffffffff);
  return Buffer.concat([head, length, spec.kind === 'native' ? Buffer.alloc(0) : writeTagAndLength('FFFEE000', 0, LITTLE_ENDIAN)]);
}
