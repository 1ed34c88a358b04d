import { findAttribute, isPrivate, isTag } from '@cairn/dicom';

/** Path to an attribute: its tag, or tags of sequences and then the attribute's tag. */
export type AttributePath = readonly [string, ...string[]];

/** What a parameter's name turned out to be. */
export type NamedAttribute =
  | { kind: 'attribute'; path: AttributePath; vr?: string }
  /** Shaped like tags or keywords, but there is no such attribute: a mistyped filter. */
  | { kind: 'unknown-attribute' }
  /** Not shaped like an attribute at all. */
  | { kind: 'other' };

const KEYWORD = /^[A-Z][A-Za-z0-9]*$/;
const MAX_DEPTH = 8;

/**
 * Reads `00100010`, `PatientName` or `RequestAttributesSequence.ScheduledProcedureStepID` (PS3.18 §8.3.4.1), keywords in any
 * case. Private attributes are named by tag and have no VR here.
 */
export function parseAttributePath(name: string): NamedAttribute {
  const segments = name.split('.');
  const found = segments.map((segment) => findSegment(segment));
  if (segments.length <= MAX_DEPTH && found.every((attribute) => attribute !== undefined)) {
    const [first, ...rest] = found.map(({ tag }) => tag) as [string, ...string[]];
    const vr = found.at(-1)?.vr;
    return { kind: 'attribute', path: [first, ...rest], ...(vr === undefined ? {} : { vr }) };
  }
  const looksLikeOne = found.some((attribute) => attribute !== undefined) || segments.every((text) => isTag(text) || KEYWORD.test(text));
  return { kind: looksLikeOne ? 'unknown-attribute' : 'other' };
}

function findSegment(segment: string): { tag: string; vr?: string } | undefined {
  const attribute = findAttribute(segment);
  if (attribute !== undefined) return attribute.tag.includes('x') ? undefined : { tag: attribute.tag, vr: attribute.vr };
  const isPrivateTag = isTag(segment) && isPrivate(Number.parseInt(segment, 16));
  return isPrivateTag ? { tag: segment.toUpperCase() } : undefined;
}
