import { isPrivate, vrOfNumber } from '../tables/dictionary.ts';
import type { ElementHeader } from './element.ts';

/** What decides between the VRs of an ambiguous attribute; inherited by items (PS3.5 annex A, PS3.3 C.7.6.3). */
export interface VrContext {
  /** (0028,0103): 1 = signed. */
  pixelRepresentation: number;
  /** (0028,0100). */
  bitsAllocated: number;
}

const PIXEL_DATA = 0x7fe00010;

/** The VR that an element's value is described with: two letters. UN for a standard attribute becomes the attribute's own VR. */
export function resolveVr(header: ElementHeader, context: VrContext): string {
  const { tag, vr } = header;
  if (vr === 'UN' && !isPrivate(tag)) return withoutSequence(resolveAmbiguous(tag, vrOfNumber(tag), context));
  return vr.length === 2 ? vr : resolveAmbiguous(tag, vr, context);
}

/** Chooses one of the VRs that the dictionary leaves open. */
export function resolveAmbiguous(tag: number, vr: string, context: VrContext): string {
  switch (vr) {
    case 'US or SS':
      return context.pixelRepresentation === 1 ? 'SS' : 'US';
    case 'OB or OW':
      return tag === PIXEL_DATA && context.bitsAllocated <= 8 ? 'OB' : 'OW';
    case 'US or OW':
      return 'OW';
    default:
      return vr;
  }
}

/** A value that did not read as a sequence stays opaque, whatever the dictionary says. */
function withoutSequence(vr: string): string {
  return vr === 'SQ' ? 'UN' : vr;
}
