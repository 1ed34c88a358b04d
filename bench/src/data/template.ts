import type { ElementSpec } from '@cairn/testing';
import { encodingOf, TRANSFER_SYNTAX, writeElements } from '@cairn/testing';

/** An element whose value differs per instance: filled in later under `slot`, at a fixed width in bytes, even so that nothing is padded. */
export interface Slot {
  readonly tag: string;
  readonly vr: string;
  readonly slot: string;
  readonly width: number;
}

/** An element of a template: the same in every instance, or a slot. */
export type Field = ElementSpec | Slot;

/** Values of an instance's slots by name. */
export type SlotValues = Readonly<Record<string, string>>;

/** Short form of a {@link Slot}. */
export function slot(tag: string, vr: string, name: string, width: number): Slot {
  return { tag, vr, slot: name, width };
}

/**
 * A data set in Explicit VR Little Endian, encoded once, whose slots are overwritten per instance: a load generator that encoded
 * every header anew would cost as much CPU as the server under test.
 */
export class Template {
  readonly length: number;
  readonly #bytes: Buffer;
  /** Each slot with its value's offset in bytes. */
  readonly #slots: readonly (Slot & { offset: number })[];

  constructor(fields: readonly Field[]) {
    const slots: (Slot & { offset: number })[] = [];
    const parts: Buffer[] = [];
    let length = 0;
    for (const field of [...fields].sort((a, b) => (a.tag < b.tag ? -1 : 1))) {
      const part = encode(field);
      length += part.length;
      parts.push(part);
      if ('slot' in field) slots.push({ ...field, offset: length - field.width });
    }
    this.#bytes = Buffer.concat(parts);
    this.#slots = slots;
    this.length = length;
  }

  /** Writes the data set with the given values into `target`; a value wider than its slot throws. */
  fill(values: SlotValues, target: Buffer, at: number): void {
    this.#bytes.copy(target, at);
    for (const { slot: name, vr, offset, width } of this.#slots) {
      const value = values[name] ?? '';
      if (value.length > width) throw new RangeError(`${name} is wider than ${width} bytes`);
      const start = at + offset;
      target.fill(vr === 'UI' ? 0 : 0x20, start, start + width);
      target.write(value, start, 'latin1');
    }
  }
}

function encode(field: Field): Buffer {
  const element = 'slot' in field ? { tag: field.tag, vr: field.vr, value: new Uint8Array(field.width) } : field;
  return writeElements([element], encodingOf(TRANSFER_SYNTAX.explicitLittleEndian));
}
