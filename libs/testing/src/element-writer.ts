import type { ElementSpec, ElementValue, ItemSpec } from './dicom-element.ts';

/** How elements are encoded (PS3.5 §7.1, §7.3). */
export interface ElementEncoding {
  explicit: boolean;
  bigEndian: boolean;
}

/** VRs whose explicit form has two reserved bytes and a 32-bit length (PS3.5 table 7.1-1). */
const LONG_VRS = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);
const BINARY_VRS = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'UI', 'UN']);
const NUMBER_BYTES: Readonly<Record<string, number>> = { US: 2, SS: 2, UL: 4, SL: 4, FL: 4, FD: 8, UV: 8, SV: 8 };
const UNDEFINED_LENGTH = 0xffffffff;

/** The bytes of elements in the order given. */
export function writeElements(elements: readonly ElementSpec[], encoding: ElementEncoding): Buffer {
  return Buffer.concat(elements.map((spec) => writeElement(spec, encoding)));
}

function writeElement(spec: ElementSpec, encoding: ElementEncoding): Buffer {
  const body = writeBody(spec, encoding);
  const undefinedLength = spec.undefinedLength === true || spec.fragments !== undefined;
  const length = spec.claimedLength ?? (undefinedLength ? UNDEFINED_LENGTH : body.length);
  const delimiter = undefinedLength && !spec.withoutDelimiter ? writeTagAndLength('FFFEE0DD', 0, encoding) : Buffer.alloc(0);
  return Buffer.concat([writeHead(spec, length, encoding), body, delimiter]);
}

function writeHead(spec: ElementSpec, length: number, encoding: ElementEncoding): Buffer {
  if (!encoding.explicit) return writeTagAndLength(spec.tag, length, encoding);
  const head = Buffer.concat([writeTag(spec.tag, encoding), Buffer.from(spec.vr.padEnd(2).slice(0, 2), 'latin1')]);
  return Buffer.concat(
    LONG_VRS.has(spec.vr) ? [head, Buffer.alloc(2), number(length, 4, encoding)] : [head, number(length & 0xffff, 2, encoding)],
  );
}

function writeBody(spec: ElementSpec, encoding: ElementEncoding): Buffer {
  if (spec.items) return Buffer.concat(spec.items.map((item) => writeItem('elements' in item ? item : { elements: item }, encoding)));
  if (spec.fragments)
    return Buffer.concat(spec.fragments.flatMap((fragment) => [writeTagAndLength('FFFEE000', fragment.length, encoding), fragment]));
  const value = encodeValue(spec.vr, spec.value ?? '', encoding);
  if (value.length % 2 === 0 || spec.unpadded) return value;
  return Buffer.concat([value, Buffer.from(BINARY_VRS.has(spec.vr) ? '\0' : ' ')]);
}

function writeItem(item: ItemSpec, encoding: ElementEncoding): Buffer {
  const body = writeElements(item.elements, encoding);
  const length = item.claimedLength ?? (item.undefinedLength ? UNDEFINED_LENGTH : body.length);
  const delimiter = item.undefinedLength && !item.withoutDelimiter ? writeTagAndLength('FFFEE00D', 0, encoding) : Buffer.alloc(0);
  return Buffer.concat([writeTagAndLength('FFFEE000', length, encoding), body, delimiter]);
}

/** A tag and a 32-bit length: the head of items, delimiters and implicit elements. */
export function writeTagAndLength(tag: string, length: number, encoding: ElementEncoding): Buffer {
  return Buffer.concat([writeTag(tag, encoding), number(length, 4, encoding)]);
}

function writeTag(tag: string, encoding: ElementEncoding): Buffer {
  return Buffer.concat([number(Number.parseInt(tag.slice(0, 4), 16), 2, encoding), number(Number.parseInt(tag.slice(4), 16), 2, encoding)]);
}

function encodeValue(vr: string, value: ElementValue, encoding: ElementEncoding): Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const values = Array.isArray(value)
    ? (value as readonly (string | number | bigint)[])
    : value === ''
      ? []
      : [value as string | number | bigint];
  if (vr === 'AT') return Buffer.concat(values.map((each) => writeTag(String(each), encoding)));
  const size = NUMBER_BYTES[vr];
  if (size === undefined) return Buffer.from(values.join('\\'), 'utf8');
  return Buffer.concat(values.map((each) => numberOfVr(vr, size, each, encoding)));
}

function numberOfVr(vr: string, size: number, value: string | number | bigint, encoding: ElementEncoding): Buffer {
  if (vr !== 'FL' && vr !== 'FD') return number(BigInt(value), size, encoding);
  const bytes = Buffer.alloc(size);
  if (size === 4) bytes.writeFloatLE(Number(value));
  else bytes.writeDoubleLE(Number(value));
  return encoding.bigEndian ? bytes.reverse() : bytes;
}

function number(value: number | bigint, size: number, encoding: ElementEncoding): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  const little = bytes.subarray(0, size);
  return encoding.bigEndian ? little.reverse() : little;
}
