/** What an element of {@link writeDicom} holds: text, numbers, raw bytes. Several texts are joined by a backslash. */
export type ElementValue = string | number | bigint | Uint8Array | readonly (string | number | bigint)[];

/** A sequence item: its elements, and how its length is written. */
export interface ItemSpec {
  elements: readonly ElementSpec[];
  /** Undefined length with an item delimiter. Default false. */
  undefinedLength?: boolean;
  /** Length written in place of the true one. */
  claimedLength?: number;
  /** Leave out the delimiter of an item of undefined length. */
  withoutDelimiter?: boolean;
}

/**
 * One data element to write, right or wrong on purpose. Exactly one of `value`, `items` and `fragments` is given; none means an
 * empty value.
 */
export interface ElementSpec {
  /** 8 hex digits. */
  tag: string;
  /** Two characters, written as they are in explicit encodings. */
  vr: string;
  value?: ElementValue;
  /** A sequence's items (VR SQ, or UN for a sequence inside UN). */
  items?: readonly (ItemSpec | readonly ElementSpec[])[];
  /** Encapsulated pixel data: the first fragment is the basic offset table (PS3.5 §A.4). */
  fragments?: readonly Uint8Array[];
  /** Length written in place of the true one. */
  claimedLength?: number;
  /** A sequence of undefined length with a sequence delimiter. Default false. */
  undefinedLength?: boolean;
  /** Leave out the delimiter of an undefined length. */
  withoutDelimiter?: boolean;
  /** Leave an odd length odd. Default: padded with a space, or NUL for UI and binary VRs. */
  unpadded?: boolean;
}

/** Short form of an {@link ElementSpec} with a value. */
export function element(
  tag: string,
  vr: string,
  value: ElementValue = '',
  options: Omit<ElementSpec, 'tag' | 'vr' | 'value'> = {},
): ElementSpec {
  return { tag, vr, value, ...options };
}

/** Short form of a sequence. */
export function sequence(
  tag: string,
  items: NonNullable<ElementSpec['items']>,
  options: Omit<ElementSpec, 'tag' | 'vr' | 'items'> = {},
): ElementSpec {
  return { tag, vr: 'SQ', items, ...options };
}
